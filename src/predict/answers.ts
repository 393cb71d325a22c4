import { DEFAULT_ANSWER_TOKENS } from "../options/reading.js";
import type { AlignedTokens } from "../runtime/text-tokenizer.js";
import { characterCounter } from "./characters.js";
import { softmax } from "./classes.js";
import type { Answer } from "./types.js";

/** Spans that are looked at, of which some come to the same words; so many are transformers' for the one best answer. */
const CANDIDATES = 12;

export interface AnswerOptions {
  readonly tokens: AlignedTokens;
  /** The second text, in which the answer stands. */
  readonly context: string;
  /** Which tokens were read: nothing else can be an answer. */
  readonly isRead: (token: number) => boolean;
  readonly maxTokens?: number | undefined;
  /** Whether no answer is one. */
  readonly mayBeNone?: boolean | undefined;
}

interface Span {
  readonly first: number;
  readonly last: number;
  readonly score: number;
}

/**
 * The likeliest part of the context, in whole words, as transformers' pipeline finds it: the product of two
 * probabilities, where an answer begins and where it ends. The first token, which is not part of the context, stands for
 * no answer.
 * @param start one logit for each token, `end` likewise
 */
export function answerOf(start: Float32Array, end: Float32Array, options: AnswerOptions): Answer {
  const { tokens, context, isRead, maxTokens = DEFAULT_ANSWER_TOKENS, mayBeNone = false } = options;
  const inside = [...tokens.sources.keys()].filter((i) => tokens.sources[i] === 1 && isRead(i));
  const asked = [0, ...inside.filter((i) => i !== 0)];
  const [starts, ends] = [start, end].map((logits) => softmax(asked.map((i) => logits[i] ?? 0)));
  const none = (starts?.[0] ?? 0) * (ends?.[0] ?? 0);
  const spans: Span[] = [];
  for (let i = 1; i < asked.length; i++) {
    for (let j = i; j < asked.length; j++) {
      const [first, last] = [asked[i] ?? 0, asked[j] ?? 0];
      if (last - first >= maxTokens) break;
      keepBest(spans, { first, last, score: (starts?.[i] ?? 0) * (ends?.[j] ?? 0) });
    }
  }
  const count = characterCounter(context);
  const answers: Answer[] = [];
  for (const span of spans) {
    const [from, to] = wordsOf(span, tokens);
    const answer = context.slice(from, to);
    const same = answers.findIndex((other) => other.answer.toLowerCase() === answer.toLowerCase());
    const before = answers[same];
    if (before) answers[same] = { ...before, score: before.score + span.score };
    else answers.push({ answer, score: span.score, start: count(from), end: count(to) });
  }
  if (mayBeNone || answers.length === 0) answers.push({ answer: "", score: none, start: 0, end: 0 });
  return answers.reduce((best, one) => (one.score > best.score ? one : best));
}

/** Keeps the best spans in their order, the first of equal ones before the others. */
function keepBest(spans: Span[], span: Span): void {
  if (spans.length === CANDIDATES && span.score <= (spans.at(-1)?.score ?? 0)) return;
  const place = spans.findIndex(({ score }) => score < span.score);
  spans.splice(place < 0 ? spans.length : place, 0, span);
  spans.length = Math.min(spans.length, CANDIDATES);
}

/** Where the words of a span begin and end in their text. */
function wordsOf({ first, last }: Span, { words, starts, ends, sources }: AlignedTokens): [number, number] {
  const isSame = (i: number, of: number) => sources[i] === sources[of] && words[i] === words[of];
  let [from, to] = [first, last];
  while (isSame(from - 1, first)) from--;
  while (isSame(to + 1, last)) to++;
  return [starts[from] ?? 0, ends[to] ?? 0];
}
