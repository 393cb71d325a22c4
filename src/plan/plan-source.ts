import { type Architecture, longformerType } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { modelingCode } from "../architectures/modeling.js";
import { isLongformer } from "../attention/longformer.js";
import { OptionError } from "../base/errors.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { sortFiles } from "../checkpoint/left-out.js";
import { isJsonFile } from "../checkpoint/standard-files.js";
import type { ReadCheckpoint } from "../model/open.js";
import { architectureOf } from "../model/settle.js";
import type { ConversionOptions } from "../options/options.js";
import { chooseIds } from "../tokenizer/add-tokens.js";
import { findSpecialTokens } from "../tokenizer/special-tokens.js";
import { refuseForeignOptions } from "./foreign-options.js";
import { planConversion } from "./plan.js";
import type { ConversionPlan, Provenance } from "./types.js";

/** Plans a conversion of a checkpoint. @param provenance what the record says of lsg and of the source */
export async function planCheckpoint(
  { checkpoint, contents }: ReadCheckpoint,
  options: ConversionOptions,
  provenance: Provenance,
): Promise<ConversionPlan> {
  await mendKept(checkpoint.source, contents);
  const architecture = await architectureOf(checkpoint);
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
    modeling: longformer ? undefined : modelingCode(architecture, provenance.lsg_version),
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
    `--to longformer: ${title} has no Longformer variant: ${"refused" in longformer ? longformer.refused : ""}`,
    "Use --to lsg.",
  );
}

/** Reads the other JSON files that stay: what not every reader takes in them is put right, or refused. */
async function mendKept(source: FileSource, contents: ReadCheckpoint["contents"]): Promise<void> {
  const { kept } = sortFiles({ files: source.files, contents });
  for (const path of kept) if (isJsonFile(path) && !contents.has(path)) await source.read(path);
}
