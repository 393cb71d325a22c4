import { isLocal, type LocalAttention } from "../attention/variants.js";
import { LsgError } from "../base/errors.js";
import { parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { type OpenSourceOptions, openSource } from "../checkpoint/open-source.js";
import { changedTensors, inspectedTensors, tensorGroups } from "../inspect/tensors.js";
import type { Inspection, WouldConvert } from "../inspect/types.js";
import { asModel, type ReadCheckpoint, type ReadModel, readCheckpoint } from "../model/open.js";
import type { ConversionOptions } from "../options/options.js";
import { planCheckpoint } from "../plan/plan-source.js";
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
  const read = hasReadableHeaders(source) ? await readCheckpoint(source, {}, options.modelType) : undefined;
  const config = read?.checkpoint.config ?? parseObject(await source.read("config.json"), "config.json");
  const { model_type: modelType } = config;
  const tensors = read ? inspectedTensors(read.checkpoint) : null;
  const groups = tensorGroups(tensors ?? []);
  const own = read && (await understood(read));
  const conversion: WouldConvert = read
    ? await wouldConvert(read, own, options, source.name)
    : {
        refused: "the weights are no safetensors: their headers cannot be read without downloading them",
        remedy: "lsg convert downloads and converts them.",
      };
  const attention = own && isLocal(own.attention) ? own.attention : undefined;
  const shown = "attention" in conversion ? conversion.attention : attention;
  const causal = config.is_decoder === true;
  return {
    format_version: 1,
    model: source.name,
    revision: source.origin.kind === "hub" ? source.origin.revision : null,
    model_type: typeof modelType === "string" ? modelType : null,
    architecture: own?.model.source.className ?? null,
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

/** The model, if lsg knows its kind. */
async function understood(read: ReadCheckpoint): Promise<ReadModel | undefined> {
  return asModel(read).catch((error: unknown) => {
    if (error instanceof LsgError) return undefined;
    throw error;
  });
}

async function wouldConvert(
  read: ReadCheckpoint,
  own: ReadModel | undefined,
  options: ConversionOptions,
  model: string,
): Promise<WouldConvert> {
  try {
    const plan = await planCheckpoint(read, options, { source: { model } });
    const { record, config, shards, dropped, carried, notes, attention } = plan;
    const { to } = record.max_sequence_length;
    const heads = own?.model.sizes.heads ?? 1;
    return {
      variant: record.variant,
      architecture: record.architecture,
      max_sequence_length: record.max_sequence_length,
      ...record.promise,
      why: record.promise.why ?? null,
      carried,
      attention,
      ...changedTensors(shards, read.checkpoint),
      dropped,
      config,
      bytes: totalBytes(shards),
      scores: {
        bytes: heads * to * keysSeen(drawnAttention(attention, false, 0)) * SCORE_BYTES,
        full_bytes: heads * to * to * SCORE_BYTES,
      },
      notes,
    };
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { refused: error.message, remedy: error.remedy ?? null };
  }
}

/** Attention at a length that shows what there is to see. Longformer's heads mostly have one global token. */
function drawn(attention: LocalAttention, causal: boolean, own: ReadModel | undefined) {
  const shape = drawnAttention(attention, causal, own?.model.source.head?.globals === undefined ? 0 : 1);
  return { attention: shape, length: patternLength(shape) };
}
