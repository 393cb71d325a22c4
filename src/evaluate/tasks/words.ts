import { CheckpointError } from "../../base/errors.js";
import { seededUniform } from "../../base/random.js";
import type { Predictor } from "../../predict/predictor.js";
import type { ModelInput } from "../../predict/types.js";
import { findSpecialTokens } from "../../tokenizer/special-tokens.js";
import { ratioOfSums } from "../metrics/metric.js";
import type { Owner } from "../parts.js";
import type { Asked, Figure, Job, Way } from "./job.js";
import { oneItemEach } from "./job.js";
import { readInParts } from "./part-reader.js";

/** The share of tokens that BERT was trained to guess. */
const MASKED = 0.15;

/** Of a document: places of the hidden tokens, what each cost, and whether the likeliest word was right. */
interface Guesses {
  readonly places: readonly number[];
  /** −log p, in nats. */
  readonly losses: readonly number[];
  readonly right: readonly number[];
}

/** Digits of a loss that the records keep. */
const LOSS_DIGITS = 6;

/**
 * Plain text and a masked language model: some tokens are hidden behind the mask, the same for every way to read, and it says how
 * likely each was.
 * @param longest tokens of a document that all ways can read; of longer ones the beginning counts
 */
export function wordsJob(
  items: readonly ModelInput[],
  { longest, seed, border }: { readonly longest: number; readonly seed: number; readonly border: number },
): Job {
  return {
    title: "masked language model",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: `words ${longest} ${seed}`,
    refuses: ({ reading, isSource }) =>
      isSource && reading === "cut" ? "what it does not read it cannot guess" : undefined,
    async *ask(predictor, numbers, way) {
      const mask = await maskId(predictor);
      for (const number of numbers)
        yield await guess(predictor, items[number] as ModelInput, { ...way, mask, longest, seed });
    },
    score: (outcomes) => figures(outcomes as Guesses[], border),
  };
}

async function maskId({ model }: Predictor): Promise<number> {
  const { mask } = findSpecialTokens(await model.contents(), model.architecture.tokenizerClass);
  if (mask) return mask.id;
  throw new CheckpointError(`${model.checkpoint.source.name} has no mask token in its tokenizer`);
}

async function guess(
  predictor: Predictor,
  item: ModelInput,
  {
    mask,
    longest,
    seed,
    ...way
  }: Way & { readonly mask: number; readonly longest: number; readonly seed: number },
): Promise<Asked> {
  const [tokens] = await predictor.tokenize(item);
  const all = tokens?.ids ?? [];
  // The last tokens stay: they are what ends a text.
  const kept =
    all.length <= longest ? all : [...all.slice(0, longest - way.tail), ...all.slice(all.length - way.tail)];
  const uniform = seededUniform(seed);
  const hidden = kept.flatMap((_, place) => {
    const isContent = place >= way.head && place < kept.length - way.tail;
    // Drawn for every token, so that a text's beginning is hidden alike whatever follows.
    return uniform() < MASKED && isContent ? [place] : [];
  });
  const isHidden = new Set(hidden);
  const shown = kept.map((id, place) => (isHidden.has(place) ? mask : id));
  const parts = readInParts(shown.length, predictor.maxLength, way);
  const losses = new Map<number, { readonly loss: number; readonly isRight: boolean }>();
  for (const [window, places] of parts.windows.entries()) {
    const own = hidden.filter((place) => parts.owners[place]?.window === window);
    if (own.length === 0) continue;
    const row = { ids: places.map((place) => shown[place] as number), types: places.map(() => 0) };
    const asked = own.map((place) => (parts.owners[place] as Owner).place);
    const { values, dims } = await predictor.wordScores(row, asked);
    const vocabulary = dims[1] ?? 0;
    own.forEach((place, i) => {
      const scores = values.subarray(i * vocabulary, (i + 1) * vocabulary);
      losses.set(place, lossOf(scores, kept[place] as number));
    });
  }
  const outcome: Guesses = {
    places: hidden,
    losses: hidden.map((place) => Number((losses.get(place)?.loss ?? Number.NaN).toPrecision(LOSS_DIGITS))),
    right: hidden.map((place) => (losses.get(place)?.isRight ? 1 : 0)),
  };
  return { outcome, tokens: kept.length, read: kept.length };
}

function lossOf(scores: Float32Array, actual: number): { loss: number; isRight: boolean } {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > largest) largest = score;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - largest);
  const own = scores[actual] ?? Number.NaN;
  return { loss: largest + Math.log(sum) - own, isRight: own === largest };
}

/** Loss and accuracy over all hidden tokens, and the loss of those in ranges of places. */
function figures(answers: readonly Guesses[], border: number): Figure[] {
  const sumOf = (of: (answer: Guesses, i: number) => number, [from, to]: readonly [number, number]) =>
    answers.map((answer) =>
      answer.places.reduce((sum, place, i) => (place >= from && place < to ? sum + of(answer, i) : sum), 0),
    );
  const everywhere = [0, Number.POSITIVE_INFINITY] as const;
  const mean = (of: (answer: Guesses, i: number) => number, range: readonly [number, number]) =>
    ratioOfSums(
      sumOf(of, range),
      sumOf(() => 1, range),
    );
  const loss = ({ losses }: Guesses, i: number) => losses[i] ?? Number.NaN;
  const last = Math.max(0, ...answers.flatMap(({ places }) => places));
  const ends = [0, 1, 2, 4, 8].map((times) => times * border);
  const ranges = ends.flatMap((from, i): [number, number][] =>
    from <= last ? [[from, ends[i + 1] ?? Number.POSITIVE_INFINITY]] : [],
  );
  return [
    { name: "loss", better: "lower", unit: "nats", estimate: mean(loss, everywhere) },
    { name: "accuracy", better: "higher", estimate: mean(({ right }, i) => right[i] ?? 0, everywhere) },
    ...ranges.map(
      ([from, to]): Figure => ({
        name: `loss at ${from}–${Number.isFinite(to) ? to - 1 : ""}`,
        better: "lower",
        unit: "nats",
        estimate: mean(loss, [from, to]),
      }),
    ),
  ];
}
