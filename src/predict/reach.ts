import { outgrowsTable } from "../attention/variants.js";
import { parseObject } from "../checkpoint/checkpoint.js";
import type { Model } from "../model/model.js";

/** Where a length is told to whoever opens a model: file and key. */
const TOLD = [
  ["sentence_bert_config.json", "max_seq_length"],
  ["tokenizer_config.json", "model_max_length"],
] as const;

/**
 * Tokens that a model reads at once, special ones included: what its files tell transformers and sentence-transformers,
 * at most what its table of positions reaches.
 * @throws CheckpointError if it has no positions, or a file is not JSON
 */
export async function readsAtOnce(model: Model): Promise<number> {
  const contents = await model.contents();
  const told = TOLD.flatMap(([file, key]) => {
    const content = contents.get(file);
    const value = content && parseObject(content, file)[key];
    return typeof value === "number" && value > 0 ? [value] : [];
  });
  return Math.min(reach(model), ...told);
}

/** Tokens that a model can be run with at once: windows read any length. @throws CheckpointError if it has no positions */
export function reach(model: Model): number {
  return outgrowsTable(model.attention()) ? Number.POSITIVE_INFINITY : model.positions().maxLength;
}
