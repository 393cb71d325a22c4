import { outgrowsTable } from "../attention/variants.js";
import type { Model } from "../model/model.js";
import { RECORD_FILE, readRecord } from "./conversion-record.js";
import { targetLength } from "./positions.js";

/**
 * Tokens of the longest inputs that a model is for: as many as its table of positions reaches, or, where inputs may be
 * longer, as clients were told when it was converted, else as they would be today.
 */
export async function toldLength(model: Model): Promise<number> {
  const { maxLength } = model.positions();
  if (!outgrowsTable(model.attention())) return maxLength;
  const { source } = model.checkpoint;
  if (!source.files.has(RECORD_FILE)) return targetLength(undefined, maxLength);
  return (await readRecord(source)).max_sequence_length.to;
}
