import type { GenerationSettings } from "../../model/generation-settings.js";
import type { Encoded, Runnable } from "../../runtime/runnable.js";

/** Tokens that are generated: enough to read, and to tell two models apart. */
export const NEW_TOKENS = 16;

/**
 * Generates token by token, without sampling or beams.
 * @param choose the next token; undefined to end
 * @returns the tokens, the one to begin with first
 */
export async function generate(
  { start, forcedBos, forcedEos, ends }: GenerationSettings,
  choose: (ids: readonly number[]) => Promise<number | undefined>,
): Promise<number[]> {
  const ids = [start];
  while (ids.length <= NEW_TOKENS) {
    const forced = ids.length === 1 ? forcedBos : ids.length === NEW_TOKENS ? forcedEos : undefined;
    const next = forced ?? (await choose(ids));
    if (next === undefined) break;
    ids.push(next);
    if (ends.includes(next)) break;
  }
  return ids;
}

/** The scores of all words behind some tokens of a decoder's. @param encoded of one row */
export async function nextScores(
  runnable: Runnable,
  encoded: Encoded,
  ids: readonly number[],
): Promise<Float32Array> {
  const decoderIds = { dims: [1, ids.length], values: ids, dtype: "int64" } as const;
  const { logits } = await runnable.outputs(encoded, { decoderIds });
  return logits?.values.slice(-runnable.model.sizes.vocab) ?? new Float32Array(0);
}
