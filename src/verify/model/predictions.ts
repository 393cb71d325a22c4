import { taskOf } from "../../architectures/tasks.js";
import { largestIndex } from "../../base/extremes.js";
import { labelNames, softmax } from "../../predict/classes.js";
import { withMaskToken } from "../../predict/masks.js";
import { formatNumber } from "../../report/numbers.js";
import type { Table } from "../../report/table.js";
import { wrap } from "../../report/text.js";
import { makeBatch } from "../../runtime/batch.js";
import type { Encoded, Runnable } from "../../runtime/runnable.js";
import type { FloatTensor } from "../../runtime/tensors.js";
import type { TextTokenizer } from "../../runtime/text-tokenizer.js";
import type { SpecialToken } from "../../tokenizer/vocabulary.js";
import type { Outcome } from "../check.js";
import { difference, toleranceFor } from "./difference.js";
import { generate, nextScores } from "./generate.js";
import type { Subject } from "./subject.js";

/** What the reference's own test asks. */
const MASKED_TEXT = "Paris is the <mask> of France.";
const PLAIN_TEXT = "Paris is the capital of France.";

/** Predictions that are shown. */
const TOP = 5;

/** Tokens whose labels are shown. */
const MAX_TAGGED = 20;

/** Values of an embedding that are shown. */
const SHOWN_VALUES = 3;

/** Characters in a line of a text that was generated. */
const TEXT_COLUMNS = 40;

export interface TextInputs {
  readonly tokenizer: TextTokenizer;
  readonly mask: SpecialToken | undefined;
  readonly text: string | undefined;
}

type Chances = Float32Array | Float64Array;

/** One model's answer: scores to compare, and what they mean. */
interface Answer {
  readonly scores: Float32Array;
  readonly lines: readonly string[];
}

/** Shows original and converted model one text: what each predicts, side by side. */
export async function checkPredictions(subject: Subject, texts: TextInputs): Promise<Outcome> {
  const { converted, original, promise } = subject;
  const { text, ids, at } = await encode(converted, texts);
  if (at < 0) return { verdict: "skipped", detail: "--text has no <mask> to be filled in" };
  const stranger = ids.find((id) => id >= converted.model.sizes.vocab);
  if (stranger !== undefined) {
    return {
      verdict: "skipped",
      detail: `the text has token ${stranger}, which the model's vocabulary does not`,
    };
  }
  if (ids.length > converted.longest) {
    return {
      verdict: "skipped",
      detail: `the text has ${ids.length} tokens, the model reads ${converted.longest}`,
    };
  }
  const ask = (runnable: Runnable) => answer(runnable, subject, ids, at, texts.tokenizer);
  const given = await ask(converted);
  const isAlike = original?.head?.auto === converted.head?.auto;
  const usable = original && isAlike && ids.length <= original.longest ? original : undefined;
  const expected = usable && (await ask(usable));
  const table = sideBySide(expected?.lines, given.lines);
  const quoted = `“${text.length > 60 ? `${text.slice(0, 60)}…` : text}” (${ids.length} tokens)`;
  if (!expected)
    return {
      verdict: "stated",
      detail: `${quoted}: there is nothing of the original to compare with`,
      table,
    };
  // Scores of words, but for those that the conversion added; others are as many in both.
  const found = difference(
    expected.scores,
    given.scores.subarray(0, original && oldWords(original, converted)),
  );
  const tolerance = toleranceFor(found);
  const figure = { value: found.largest, length: ids.length };
  const apart = `scores differ by ${formatNumber(found.largest)}`;
  if (ids.length > promise.lossless_up_to) {
    return { verdict: "stated", detail: `${quoted}: ${apart}; nothing is promised`, figure, table };
  }
  const same = found.largest <= tolerance && expected.lines[0] !== undefined;
  return {
    verdict: same ? "pass" : "fail",
    detail: same
      ? `${quoted}: the same answers; ${apart}`
      : `${quoted}: ${apart}, allowed ${formatNumber(tolerance)}`,
    figure: { ...figure, tolerance },
    table,
    ...(!same && { remedy: "The result does not answer as the original does: convert again." }),
  };
}

/** Words that the original has scores for, where the converted model has more of them. */
function oldWords(original: Runnable, converted: Runnable): number | undefined {
  const hasWords = converted.head && taskOf(converted.head).scoresWords;
  const isGrown = converted.model.sizes.vocab > original.model.sizes.vocab;
  return hasWords && isGrown ? original.model.sizes.vocab : undefined;
}

/** The text's tokens, and which of them is asked about. */
async function encode({ head }: Runnable, { tokenizer, mask, text: asked }: TextInputs) {
  const wantsMask = head && taskOf(head).answer === "masked word" && mask !== undefined;
  const text = asked ?? (wantsMask ? MASKED_TEXT : PLAIN_TEXT);
  const ids = await tokenizer.encode(mask && wantsMask ? withMaskToken(text, mask.token) : text);
  return { text, ids, at: mask && wantsMask ? ids.indexOf(mask.id) : 0 };
}

async function answer(
  runnable: Runnable,
  { inputs }: Subject,
  ids: readonly number[],
  at: number,
  tokenizer: TextTokenizer,
): Promise<Answer> {
  const encoded = await runnable.encode(makeBatch([{ ids, pad: "right" }], inputs.padId));
  switch (runnable.head && taskOf(runnable.head).answer) {
    case "masked word": {
      const scores = await onlyOutput(runnable, encoded, at);
      const chances = softmax(scores);
      const words = await tokenizer.tokens(likeliest(chances));
      return { scores, lines: best(chances, (_, place) => words[place] ?? "") };
    }
    case "label": {
      const scores = await onlyOutput(runnable, encoded, 0);
      const labels = labelNames(runnable.model, scores.length);
      if (runnable.model.config.problem_type === "regression") {
        return {
          scores,
          lines: Array.from(scores, (score, i) => `${labels[i]} ${formatNumber(score)}`),
        };
      }
      const chances = scores.length === 1 || isMultiLabel(runnable) ? scores.map(sigmoid) : softmax(scores);
      return { scores, lines: best(chances, (i) => labels[i] ?? "") };
    }
    case "label of each token": {
      const scores = await onlyOutput(runnable, encoded);
      const width = scores.length / ids.length;
      const labels = labelNames(runnable.model, width);
      const words = await tokenizer.tokens(ids.slice(0, MAX_TAGGED));
      const lines = words.map((word, i) => {
        const own = scores.subarray(i * width, (i + 1) * width);
        return `${word}: ${labels[largestIndex(own)]}`;
      });
      return { scores, lines };
    }
    case "text":
      return generatedText(runnable, encoded, tokenizer);
    default:
      return embedding(encoded.hidden);
  }
}

/** The mean of the hidden states, for which models without one of these heads are mostly used. */
function embedding({ dims: [, length = 0, width = 0], values }: FloatTensor): Answer {
  const mean = new Float32Array(width);
  values.forEach((value, i) => {
    mean[i % width] = (mean[i % width] ?? 0) + value / length;
  });
  const first = Array.from(mean.subarray(0, SHOWN_VALUES), (value) => formatNumber(value)).join(", ");
  return { scores: mean, lines: [`embedding: ${first}, …`] };
}

/** What a model writes, word by word the likeliest one; the scores are those of its first choice. */
async function generatedText(
  runnable: Runnable,
  encoded: Encoded,
  tokenizer: TextTokenizer,
): Promise<Answer> {
  const { generation } = runnable;
  if (!generation) return embedding(encoded.hidden);
  let first: Float32Array | undefined;
  const ids = await generate(generation, async (before) => {
    const scores = await nextScores(runnable, encoded, before);
    first ??= scores;
    return largestIndex(scores);
  });
  return { scores: first ?? new Float32Array(0), lines: wrap(await tokenizer.decode(ids), TEXT_COLUMNS) };
}

/** @param at the token that an encoder's head is to be shown; all of them by default */
async function onlyOutput(runnable: Runnable, encoded: Encoded, at?: number): Promise<Float32Array> {
  const tokens = at === undefined ? undefined : [{ row: 0, tokens: [at] }];
  const [output] = Object.values(await runnable.outputs(encoded, { tokens }));
  return output?.values ?? new Float32Array(0);
}

function isMultiLabel({ model }: Runnable): boolean {
  return model.config.problem_type === "multi_label_classification";
}

/** The likeliest choices with their chances. @param name of a choice, and of its place among them */
function best(chances: Chances, name: (i: number, place: number) => string): string[] {
  return likeliest(chances).map((i, place) => `${name(i, place)} ${(100 * (chances[i] ?? 0)).toFixed(2)} %`);
}

function likeliest(chances: Chances): number[] {
  const order = Array.from(chances.keys()).sort((a, b) => (chances[b] ?? 0) - (chances[a] ?? 0));
  return order.slice(0, TOP);
}

function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

function sideBySide(expected: readonly string[] | undefined, given: readonly string[]): Table {
  if (!expected) return { head: ["converted"], rows: given.map((line) => [line]) };
  const rows = Array.from({ length: Math.max(expected.length, given.length) }, (_, i) => {
    return [expected[i] ?? "", given[i] ?? ""];
  });
  return { head: ["original", "converted"], rows };
}
