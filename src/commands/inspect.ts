import { type LocalAttention, scoresAtOnce } from "../attention/variants.js";
import { LsgError, nothingIfRefused } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { type OpenSourceOptions, openSource } from "../checkpoint/open-source.js";
import { changedTensors, inspectedTensors, tensorGroups } from "../inspect/tensors.js";
import type { Inspection, WouldConvert } from "../inspect/types.js";
import { isLocalModel, type Model } from "../model/model.js";
import { type OpenedModel, openModel } from "../model/open.js";
import type { ConversionOptions } from "../options/options.js";
import { planModel } from "../plan/plan-source.js";
import { totalBytes } from "../plan/shards.js";
import { keysSeen, patternLength } from "../report/attention-regions.js";
import { drawnAttention } from "../report/attention-shape.js";

/** Bytes of a float32. */
const SCORE_BYTES = 4;

/**
 * Says what a model is and what a conversion would make of it. Of a Hub model the configuration, tokenizer and the
 * headers of safetensors files are fetched, no weights.
 * @param model a folder or a Hub id
 * @param options of the conversion
 * @throws LsgError if there is no such model, or its files are damaged; what cannot be converted says so in the result
 */
export async function inspect(
  model: string,
  options: ConversionOptions,
  opening: OpenSourceOptions = {},
): Promise<Inspection> {
  const source = await openSource(model, { ...opening, revision: options.revision });
  const opened = openModel(source, { modelType: options.modelType });
  const checkpoint = hasReadableHeaders(source) ? await (await opened.read()).checkpoint() : undefined;
  const config = checkpoint?.config ?? (await opened.config());
  const { model_type: modelType } = config;
  const tensors = checkpoint ? inspectedTensors(checkpoint) : null;
  const groups = tensorGroups(tensors ?? []);
  const own = checkpoint && (await understood(opened).catch(nothingIfRefused));
  const conversion: WouldConvert = checkpoint
    ? await wouldConvert(opened, checkpoint, own, options)
    : {
        refused: "the weights are no safetensors: their headers cannot be read without downloading them",
        remedy: "lsg convert downloads and converts them.",
      };
  const attention = own && isLocalModel(own) ? own.attention() : undefined;
  const shown = "attention" in conversion ? conversion.attention : attention;
  const causal = config.is_decoder === true;
  return {
    format_version: 1,
    model: source.name,
    revision: source.origin.kind === "hub" ? source.origin.revision : null,
    model_type: typeof modelType === "string" ? modelType : null,
    architecture: own?.source.className ?? null,
    attention: attention ?? "full",
    files: [...source.files].map(([path, { size }]) => ({ path, size })),
    tensors,
    groups,
    parameters: groups.reduce((sum, { parameters }) => sum + parameters, 0),
    bytes: groups.reduce((sum, { bytes }) => sum + bytes, 0),
    conversion,
    drawn: shown ? drawn(shown, causal, own) : null,
  };
}

/** Of a folder every file is at hand; of a Hub model only safetensors tell what is in them without all of it. */
function hasReadableHeaders({ origin, files }: FileSource): boolean {
  return origin.kind === "folder" || [...files.keys()].some((path) => path.endsWith(".safetensors"));
}

/** The model, whose attention can be read. */
async function understood(opened: OpenedModel): Promise<Model> {
  const model = await opened.model();
  model.attention();
  return model;
}

async function wouldConvert(
  opened: OpenedModel,
  checkpoint: Checkpoint,
  own: Model | undefined,
  options: ConversionOptions,
): Promise<WouldConvert> {
  try {
    const plan = await planModel(opened, options, { source: { model: opened.source.name } });
    const { record, config, shards, dropped, carried, notes, attention } = plan;
    const { to } = record.max_sequence_length;
    const heads = own?.sizes.heads ?? 1;
    return {
      variant: record.variant,
      architecture: record.architecture,
      max_sequence_length: record.max_sequence_length,
      ...record.promise,
      why: record.promise.why ?? null,
      carried,
      attention,
      ...changedTensors(shards, checkpoint),
      dropped,
      config: { set: config.set, remove: config.remove },
      bytes: totalBytes(shards),
      scores: {
        bytes: heads * scoresOf(attention, to) * SCORE_BYTES,
        full_bytes: heads * to * to * SCORE_BYTES,
      },
      notes,
    };
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { refused: error.message, remedy: error.remedy ?? null };
  }
}

/** Scores of one head: of each token with the keys that it sees, or of windows, in which some tokens stand twice. */
function scoresOf(attention: LocalAttention, tokens: number): number {
  const seen = keysSeen(drawnAttention(attention, false, 0));
  return Math.max(tokens * seen, scoresAtOnce(attention, tokens));
}

/** Attention at a length that shows what there is to see. Longformer's heads mostly have one global token. */
function drawn(attention: LocalAttention, causal: boolean, own: Model | undefined) {
  const shape = drawnAttention(attention, causal, own?.source.head?.globals === undefined ? 0 : 1);
  return { attention: shape, length: patternLength(shape) };
}
