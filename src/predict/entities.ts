import { largestIndex } from "../base/extremes.js";
import type { Aggregation } from "../options/reading.js";
import type { FloatTensor } from "../runtime/tensors.js";
import type { AlignedTokens } from "../runtime/text-tokenizer.js";
import { characterCounter } from "./characters.js";
import { softmax } from "./classes.js";
import type { Entity } from "./types.js";

/** Tokens that are nothing. */
const OUTSIDE = "O";

/** A label for some part of the text, in UTF-16 units or in words. */
interface Labelled {
  readonly label: string;
  readonly score: number;
  readonly start: number;
  readonly end: number;
}

/** Label and probability of each token. @param logits (tokens, labels) */
function labelled(logits: FloatTensor, labels: readonly string[], token: number) {
  const width = labels.length;
  const own = logits.values.subarray(token * width, (token + 1) * width);
  const choice = largestIndex(own);
  return { label: labels[choice] ?? OUTSIDE, score: softmax(own)[choice] ?? 0 };
}

/**
 * The entities of a text. @param logits (tokens, labels), of all tokens
 * @param read which tokens were read: others have no label
 */
export function entitiesOf(
  logits: FloatTensor,
  labels: readonly string[],
  { tokens, text, aggregation, isRead }: TextOfTokens,
): Entity[] {
  const { sources, starts, ends, continues } = tokens;
  const parts: Labelled[] = [];
  sources.forEach((source, i) => {
    if (source !== 0 || !isRead(i)) return;
    const [start, end] = [starts[i] ?? 0, ends[i] ?? 0];
    const before = parts.at(-1);
    if (aggregation === "first" && before && continues[i]) parts[parts.length - 1] = { ...before, end };
    else parts.push({ ...labelled(logits, labels, i), start, end });
  });
  const count = characterCounter(text);
  return joined(parts).map(({ label: entity, score, start, end }) => ({
    entity,
    score,
    start: count(start),
    end: count(end),
    text: text.slice(start, end),
  }));
}

export interface TextOfTokens {
  readonly tokens: AlignedTokens;
  readonly text: string;
  readonly aggregation: Aggregation;
  /** Of a document that was cut, some tokens were not. */
  readonly isRead: (token: number) => boolean;
}

/**
 * Labels of words that were given, each its first token's, as data of entities is scored; `O` for a word without a token
 * that was read.
 * @param logits (tokens, labels), of all tokens
 */
export function wordLabels(
  logits: FloatTensor,
  labels: readonly string[],
  { tokens, words, isRead }: Pick<TextOfTokens, "tokens" | "isRead"> & { readonly words: readonly string[] },
): { readonly labels: string[]; readonly entities: Entity[] } {
  const found: (Labelled | undefined)[] = words.map(() => undefined);
  tokens.sources.forEach((word, i) => {
    if (word < 0 || found[word] || !isRead(i)) return;
    found[word] = { ...labelled(logits, labels, i), start: word, end: word + 1 };
  });
  const parts = found.map((one, i) => one ?? { label: OUTSIDE, score: 1, start: i, end: i + 1 });
  const entities = joined(parts).map(({ label: entity, score, start, end }) => {
    return { entity, score, start, end, text: words.slice(start, end).join(" ") };
  });
  return { labels: parts.map(({ label }) => label), entities };
}

/** Neighbours of one label, as far as none begins anew, with the mean of their scores; without what is nothing. */
function joined(parts: readonly Labelled[]): Labelled[] {
  const groups: { tag: string; scores: number[]; start: number; end: number }[] = [];
  for (const { label, score, start, end } of parts) {
    const [, prefix, tag = label] = /^([BI])-(.*)$/s.exec(label) ?? [];
    const group = groups.at(-1);
    if (group && group.tag === tag && prefix !== "B") {
      group.scores.push(score);
      group.end = end;
    } else groups.push({ tag, scores: [score], start, end });
  }
  return groups
    .filter(({ tag }) => tag !== OUTSIDE)
    .map(({ tag, scores, start, end }) => {
      return { label: tag, score: scores.reduce((a, b) => a + b, 0) / scores.length, start, end };
    });
}
