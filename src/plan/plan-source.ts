import { type Architecture, longformerType } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { modelingFiles } from "../architectures/modeling.js";
import { isLongformer } from "../attention/longformer.js";
import { OptionError } from "../base/errors.js";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.js";
import type { FileSource, TransferOptions } from "../checkpoint/file-source.js";
import type { ConversionOptions } from "../options/options.js";
import { chooseIds } from "../tokenizer/add-tokens.js";
import { findSpecialTokens } from "../tokenizer/special-tokens.js";
import type { ReadSource } from "../write/side-files.js";
import { refuseForeignOptions } from "./foreign-options.js";
import { planConversion } from "./plan.js";
import { isReadForPlan } from "./side-files.js";
import type { ConversionPlan, Provenance } from "./types.js";

/** A checkpoint with the contents of its side files that decide something, by path. */
export interface ReadCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly contents: ReadonlyMap<string, Buffer>;
}

/** Reads what a plan depends on. Small files are read once: a tokenizer.json can have some 40 MB. */
export async function readCheckpoint(
  source: FileSource,
  transfer: TransferOptions = {},
): Promise<ReadCheckpoint> {
  const checkpoint = await openCheckpoint(source, transfer);
  const contents = new Map<string, Buffer>();
  for (const path of source.files.keys()) {
    if (isReadForPlan(path)) contents.set(path, await source.read(path));
  }
  return { checkpoint, contents };
}

/** Plans a conversion of a checkpoint. @param provenance what the record says of lsg and of the source */
export async function planCheckpoint(
  { checkpoint, contents }: ReadCheckpoint,
  options: ConversionOptions,
  provenance: Provenance,
): Promise<ConversionPlan> {
  const architecture = await findArchitecture(checkpoint.config.model_type);
  const longformer = await longformerVariant(architecture, options);
  const tokens = findSpecialTokens(contents, architecture.tokenizerClass);
  const asked = options.addTokens && chooseIds(options.addTokens, contents, architecture.tokenizerClass);
  return planConversion({
    checkpoint,
    architecture,
    options,
    tokens: {
      bos: tokens.bos?.id,
      mask: tokens.mask?.id,
      named: tokens.named,
      separator: tokens.separator?.id,
      asked,
    },
    contents,
    // transformers has Longformer's code itself.
    modeling: longformer ? [] : modelingFiles(architecture),
    longformer,
    provenance,
  });
}

/** The architecture to convert to, where that is not LSG. @throws OptionError for one that there is not */
async function longformerVariant(
  architecture: Architecture,
  options: ConversionOptions,
): Promise<Architecture | undefined> {
  const { longformer, title } = architecture;
  const to = options.to ?? (isLongformer(architecture) ? "longformer" : "lsg");
  refuseForeignOptions(to, options);
  if (to === "lsg") return undefined;
  const modelType = longformerType(architecture);
  if (modelType !== undefined) return findArchitecture(modelType);
  throw new OptionError(
    `--to longformer: ${title} has no Longformer variant: ${longformer && "refused" in longformer ? longformer.refused : "none is known"}`,
    "Use --to lsg.",
  );
}

/** Reads files of the source, those that were read already from memory. */
export function readerOf({ checkpoint, contents }: ReadCheckpoint): ReadSource {
  return async (path) => contents.get(path) ?? checkpoint.source.read(path);
}
