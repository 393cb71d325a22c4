import type { Model } from "../../plan/model.js";
import { seededUniform } from "../../random.js";
import type { Row } from "./batch.js";

/** Makes inputs of any length: of a text's tokens, or of random ones. */
export interface InputSource {
  readonly padId: number;
  /** The text's tokens over and over, from a place of its own for each seed. */
  text(length: number, seed: number, pad?: Row["pad"]): Row;
  /** Any tokens but padding; the second half of a row has another token type where there are types. */
  random(length: number, seed: number, pad?: Row["pad"]): Row;
}

/**
 * @param textIds a text as the tokenizer encodes it, special tokens included; empty where there is no tokenizer
 */
export function inputSource({ config, sizes }: Model, textIds: readonly number[]): InputSource {
  const padId = isId(config.pad_token_id, sizes.vocab) ? config.pad_token_id : 0;
  const types = sizes.types > 1;
  const random: InputSource["random"] = (length, seed, pad = "right") => {
    const uniform = seededUniform(seed);
    const ids = Array.from({ length }, () => {
      const id = Math.floor(uniform() * (sizes.vocab - 1));
      // Padding inside of a text would move the positions of what follows, in RoBERTa and its relatives.
      return id >= padId ? id + 1 : id;
    });
    return { ids, pad, ...(types && { types: ids.map((_, i) => (2 * i >= length ? 1 : 0)) }) };
  };
  return {
    padId,
    random,
    text(length, seed, pad = "right") {
      const usable = textIds.filter((id) => isId(id, sizes.vocab) && id !== padId);
      if (usable.length === 0) return random(length, seed, pad);
      const [first = 0, ...others] = usable;
      const start = Math.floor(seededUniform(seed)() * others.length);
      // The first token keeps its place: a model was trained with it there.
      const ids = Array.from({ length }, (_, i) =>
        i === 0 || others.length === 0 ? first : (others[(start + i - 1) % others.length] ?? first),
      );
      return { ids, pad };
    },
  };
}

function isId(value: unknown, vocabulary: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < vocabulary;
}
