import { modelingCode } from "../architectures/modeling.js";
import { codeOf, resultVariant, variantOf } from "../attention/variants.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { sortFiles } from "../checkpoint/left-out.js";
import { modelKind, SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { isJsonFile } from "../checkpoint/standard-files.js";
import type { Contents } from "../model/model.js";
import type { OpenedModel } from "../model/open.js";
import type { ConversionOptions } from "../options/options.js";
import { chooseIds } from "../tokenizer/add-tokens.js";
import { findSpecialTokens } from "../tokenizer/special-tokens.js";
import { planConversion } from "./plan.js";
import type { ConversionPlan, Provenance } from "./types.js";
import { PLANS } from "./variants.js";

/** Plans a conversion of a model. @param provenance what the record says of lsg and of the source */
export async function planModel(
  opened: OpenedModel,
  options: ConversionOptions,
  provenance: Provenance,
): Promise<ConversionPlan> {
  const contents = await opened.contents();
  await mendKept(opened.source, contents);
  const architecture = await opened.architecture();
  const { config } = await opened.checkpoint();
  const variant = options.to ?? resultVariant(variantOf(config, architecture));
  const { refuseForeign, target, readsModules } = PLANS[variant];
  refuseForeign(options);
  const result = await target(architecture);
  const tokens = findSpecialTokens(contents, architecture.tokenizerClass);
  const code = codeOf(variant);
  const asked = options.addTokens && chooseIds(options.addTokens, contents, architecture.tokenizerClass);
  const model = await opened.as({ kwargs: options.modelKwargs });
  return planConversion({
    model,
    options,
    tokens: {
      bos: tokens.bos?.id,
      mask: tokens.mask?.id,
      named: tokens.named,
      separator: tokens.separator?.id,
      asked,
    },
    contents,
    kind: modelKind(config, { modules: contents.get(MODULES_FILE), settings: contents.get(SETTINGS_FILE) }),
    ...(readsModules && { modules: (await model.withModules()).modules }),
    modeling: code && modelingCode(architecture, code, provenance.lsg_version),
    variant,
    result,
    provenance,
  });
}

/** Reads the other JSON files that stay: what not every reader takes in them is put right, or refused. */
async function mendKept(source: FileSource, contents: Contents): Promise<void> {
  const { kept } = sortFiles({ files: source.files, contents });
  for (const path of kept) if (isJsonFile(path) && !contents.has(path)) await source.read(path);
}
