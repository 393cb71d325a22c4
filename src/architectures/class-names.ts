import type { Architecture } from "./architecture.js";
import type { AutoClass } from "./tasks.js";

/**
 * What the class names of transformers' encoders and encoder-decoders begin with, the auto classes' too. transformers
 * goes by a config's model type and opens its own class of the same ending, whichever of these the config names.
 */
export const CLASS_PREFIXES: readonly string[] = (
  "Albert Auto AutoModel Bart Bert BertGeneration BigBird BigBirdPegasus Blenderbot BlenderbotSmall " +
  "Camembert ConvBert Data2VecText Deberta DebertaV2 DistilBert Electra Ernie ErnieM Esm Flaubert " +
  "FNet Funnel IBert LED LayoutLM Longformer M2M100 MBart MPNet MT5 Marian MegatronBert MobileBert " +
  "ModernBert Mvp Nezha Nystromformer PLBart Pegasus PegasusX QDQBert RemBert RoCBert RoFormer " +
  "Roberta RobertaPreLayerNorm SqueezeBert T5 XLM XLMRoberta XLMRobertaXL XLNet Xmod Yoso"
).split(" ");

/** transformers' name of a class, by its key in `heads`. */
export function classNameOf({ classPrefix, baseClass = "Model" }: Architecture, key: string): string {
  return classPrefix + (key === "Model" ? baseClass : key);
}

export function autoClassName(auto: AutoClass): string {
  return auto === "Model" ? "AutoModel" : `AutoModelFor${auto}`;
}

export function classNames(architecture: Architecture): string[] {
  return Object.keys(architecture.heads).map((key) => classNameOf(architecture, key));
}

/**
 * The key of `heads` (or of `refused`) that a class's name stands for. A relative's class
 * (`XLMRobertaForMaskedLM` in a RoBERTa's config) stands for the model type's own of the same ending, as transformers
 * has it; undefined for a class that is not transformers'.
 */
export function classKeyOf(architecture: Architecture, className: string): string | undefined {
  const { classPrefix, baseClass = "Model", heads, refused = {} } = architecture;
  return [classPrefix, ...CLASS_PREFIXES]
    .filter((prefix) => className.startsWith(prefix))
    .map((prefix) => className.slice(prefix.length))
    .map((ending) => (ending === baseClass ? "Model" : ending))
    .find((key) => Object.hasOwn(heads, key) || Object.hasOwn(refused, key));
}

export function configClass(config: Readonly<Record<string, unknown>>): string | undefined {
  const first: unknown = [config.architectures].flat()[0];
  return typeof first === "string" && first !== "" ? first : undefined;
}
