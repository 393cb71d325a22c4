import { CheckpointError } from "../base/errors.js";
import type { FileSource } from "./file-source.js";

/** Loaders that find it beside a model, whole or not, put an adapter into that model. */
const ADAPTER_CONFIG = "adapter_config.json";

/** What the adapters library (not peft) calls its weights. */
const ADAPTERS_WEIGHTS = /^(pytorch_adapter\.bin|adapter\.safetensors)$/;

/** Of an embedder the other files, modules.json and its folders among them, lie beside the adapter. */
const MERGE_WITH_PEFT =
  "Merge it into its base model first: " +
  "PeftModel.from_pretrained(AutoModel.from_pretrained(BASE), FOLDER).merge_and_unload().save_pretrained(MERGED) " +
  "with peft, with the auto class of its task; copy the folder's other files to it.";
const MERGE_WITH_ADAPTERS =
  "Merge it into its base model first: model.merge_adapter(NAME) with the adapters library, model.save_pretrained(MERGED), " +
  "and copy the folder's other files to it.";

/**
 * Refuses folders with an adapter: what is beside it, if anything, is not the model that loaders open.
 * @throws CheckpointError that says how to merge it
 */
export function refuseAdapter({ files, name }: FileSource): void {
  if (!files.has(ADAPTER_CONFIG)) return;
  const isPeft = ![...files.keys()].some((path) => ADAPTERS_WEIGHTS.test(path));
  const what = files.has("config.json")
    ? "holds an adapter beside its model"
    : "is an adapter, not a whole model";
  throw new CheckpointError(
    `${name} ${what} (${ADAPTER_CONFIG})`,
    `${isPeft ? MERGE_WITH_PEFT : MERGE_WITH_ADAPTERS} Then convert MERGED.`,
  );
}
