import { type Architecture, longformerType } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { modelingCode } from "../architectures/modeling.js";
import { isLongformer } from "../attention/longformer.js";
import { OptionError } from "../base/errors.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { sortFiles } from "../checkpoint/left-out.js";
import { isJsonFile } from "../checkpoint/standard-files.js";
import type { Contents } from "../model/model.js";
import type { OpenedModel } from "../model/open.js";
import type { ConversionOptions } from "../options/options.js";
import { chooseIds } from "../tokenizer/add-tokens.js";
import { findSpecialTokens } from "../tokenizer/special-tokens.js";
import { refuseForeignOptions } from "./foreign-options.js";
import { planConversion } from "./plan.js";
import type { ConversionPlan, Provenance } from "./types.js";

/** Plans a conversion of a model. @param provenance what the record says of lsg and of the source */
export async function planModel(
  opened: OpenedModel,
  options: ConversionOptions,
  provenance: Provenance,
): Promise<ConversionPlan> {
  const contents = await opened.contents();
  await mendKept(opened.source, contents);
  const architecture = await opened.architecture();
  const longformer = await longformerVariant(architecture, options);
  const tokens = findSpecialTokens(contents, architecture.tokenizerClass);
  const asked = options.addTokens && chooseIds(options.addTokens, contents, architecture.tokenizerClass);
  // transformers has Longformer's code itself.
  const modeling = longformer ? undefined : modelingCode(architecture, provenance.lsg_version);
  // A Longformer's classes are another model type's.
  const className = longformer ? undefined : options.architecture;
  return planConversion({
    model: await opened.as({ className, kwargs: options.modelKwargs }),
    options,
    tokens: {
      bos: tokens.bos?.id,
      mask: tokens.mask?.id,
      named: tokens.named,
      separator: tokens.separator?.id,
      asked,
    },
    contents,
    modeling,
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
async function mendKept(source: FileSource, contents: Contents): Promise<void> {
  const { kept } = sortFiles({ files: source.files, contents });
  for (const path of kept) if (isJsonFile(path) && !contents.has(path)) await source.read(path);
}
