import type { ConfigKey, Head } from "../architectures/architecture.js";
import { seededUniform } from "../base/random.js";
import type { Model } from "../model/model.js";
import type { Row } from "./batch.js";

/**
 * Makes inputs of any length: of a text's tokens, or of random ones. An encoder-decoder's end with the token that
 * ends a text, where some of its heads look, and have it nowhere else.
 */
export interface InputSource {
  readonly padId: number;
  /** Whether there is a text; without one its tokens are random as well. */
  readonly hasText: boolean;
  /** The text's tokens over and over, from a place of its own for each seed. */
  text(length: number, seed: number, pad?: Row["pad"]): Row;
  /** Any tokens but padding; the second half of a row has another token type where there are types. */
  random(length: number, seed: number, pad?: Row["pad"]): Row;
}

/** Which tokens a Longformer's head gives global attention, as its graph does: see `headGlobals`. */
function globalTokens(
  kind: NonNullable<Head["globals"]>,
  ids: readonly number[],
  separator: unknown,
): number[] {
  const end = ids.indexOf(separator as number);
  return ids.map((_, i) => {
    if (kind === "first token") return i === 0 ? 1 : 0;
    if (end < 0) return 0;
    return (kind === "question" ? i < end : i > end + 1) ? 1 : 0;
  });
}

/** A row as a Longformer's class reads it by itself: with the tokens that have global attention, where it is told. */
export function withGlobals({ source, config }: Pick<Model, "source" | "config">, row: Row): Row {
  const kind = source.head?.globals;
  return kind ? { ...row, globals: globalTokens(kind, row.ids, config.sep_token_id) } : row;
}

/**
 * @param textIds a text as the tokenizer encodes it, special tokens included; empty where there is no tokenizer
 * @param typed whether tokens may have other types than 0: not where the original reads no types
 * @param words how many words there are: those that the original knows as well
 * @param without ids that inputs are not to have
 */
export function inputSource(
  model: Model,
  textIds: readonly number[],
  {
    typed = true,
    words = model.sizes.vocab,
    without = [],
  }: { readonly typed?: boolean; readonly words?: number; readonly without?: readonly number[] } = {},
): InputSource {
  const { config, sizes } = model;
  const { decoder } = model.architecture;
  const isId = (value: unknown): value is number =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < words;
  const idOf = (key: ConfigKey | undefined) =>
    [typeof key === "object" ? (config[key[0]] ?? key[1]) : key].find(isId);
  const padId = idOf(decoder?.ids.pad ?? ["pad_token_id", 0]) ?? 0;
  const end = idOf(decoder?.ids.end);
  // Padding inside of a text would move the positions of what follows, in RoBERTa and its relatives.
  const reserved = [...new Set([padId, end ?? padId, ...without.filter(isId)])].sort((a, b) => a - b);
  const types = typed && sizes.types > 1;
  const close = (ids: number[]) => (end === undefined ? ids : ids.with(-1, end));
  const random: InputSource["random"] = (length, seed, pad = "right") => {
    const uniform = seededUniform(seed);
    const draw = () => Math.floor(uniform() * (words - reserved.length));
    const ids = close(
      Array.from({ length }, () => reserved.reduce((id, other) => (id >= other ? id + 1 : id), draw())),
    );
    return withGlobals(model, {
      ids,
      pad,
      ...(types && { types: ids.map((_, i) => (2 * i >= length ? 1 : 0)) }),
    });
  };
  const usable = textIds.filter((id) => isId(id) && !reserved.includes(id));
  return {
    padId,
    hasText: usable.length > 0,
    random,
    text(length, seed, pad = "right") {
      if (usable.length === 0) return random(length, seed, pad);
      const [first = 0, ...others] = usable;
      const start = Math.floor(seededUniform(seed)() * others.length);
      // The first token keeps its place: a model was trained with it there.
      const ids = Array.from({ length }, (_, i) =>
        i === 0 || others.length === 0 ? first : (others[(start + i - 1) % others.length] ?? first),
      );
      return withGlobals(model, { ids: close(ids), pad });
    },
  };
}
