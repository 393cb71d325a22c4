import { CheckpointError } from "../errors.js";
import type { FileSource } from "./file-source.js";

/** Loaders that find it beside a model, whole or not, put an adapter into that model. */
const ADAPTER_CONFIG = "adapter_config.json";

/** What the adapters library (not peft) calls its weights. */
const ADAPTERS_WEIGHTS = /^(pytorch_adapter\.bin|adapter\.safetensors)$/;

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
    isPeft
      ? "Merge it into its base model first, and convert the result: " +
          "peft.PeftModel.from_pretrained(base_model, FOLDER).merge_and_unload().save_pretrained(MERGED)" +
          (files.has("modules.json")
            ? ", where the base model is SentenceTransformer(BASE)[0].auto_model, to which the result is put back; " +
              "then save_pretrained of the SentenceTransformer."
            : ", and the tokenizer's save_pretrained(MERGED).")
      : "Merge it into its base model first, with the adapters library: model.merge_adapter(NAME), then save_pretrained; convert the result.",
  );
}
