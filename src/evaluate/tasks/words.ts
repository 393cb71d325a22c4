import { CheckpointError } from "../../base/errors.js";
import { seededUniform } from "../../base/random.js";
import { piecesOf } from "../../predict/pieces.js";
import type { Predictor } from "../../predict/predictor.js";
import type { ModelInput } from "../../predict/types.js";
import type { AlignedTokens } from "../../runtime/text-tokenizer.js";
import { findSpecialTokens } from "../../tokenizer/special-tokens.js";
import { ratioOfSums } from "../metrics/metric.js";
import type { Answered, Figure, Job } from "./job.js";
import { oneItemEach } from "./job.js";

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
    async *ask(predictor, numbers) {
      const hiding = { mask: await maskId(predictor), longest, seed };
      for (const number of numbers) yield await guess(predictor, items[number] as ModelInput, hiding);
    },
    score: (outcomes) => figures(outcomes as Guesses[], border),
  };
}

async function maskId({ model }: Predictor): Promise<number> {
  const { mask } = findSpecialTokens(await model.contents(), model.architecture.tokenizerClass);
  if (mask) return mask.id;
  throw new CheckpointError(`${model.checkpoint.source.name} has no mask token in its tokenizer`);
}

/** What every document is asked with. */
interface Hiding {
  readonly mask: number;
  readonly longest: number;
  readonly seed: number;
}

async function guess(
  predictor: Predictor,
  item: ModelInput,
  { mask, longest, seed }: Hiding,
): Promise<Answered> {
  const [found] = await predictor.tokenize(item);
  if (!found) throw new Error("a text has no tokens");
  const tokens = beginningOf(found, longest);
  const hidden = hiddenPlaces(tokens, seed);
  const isHidden = new Set(hidden);
  const shown = tokens.ids.map((id, place) => (isHidden.has(place) ? mask : id));
  const { pieces, owners } = predictor.pieces(tokens, false);
  const guesses = new Map<number, { readonly loss: number; readonly isRight: boolean }>();
  for (const [piece, { places }] of pieces.entries()) {
    const asked = places.flatMap((place, i) => (isHidden.has(place) && owners[place] === piece ? [i] : []));
    if (asked.length === 0) continue;
    const row = {
      ids: places.map((place) => shown[place] as number),
      types: places.map((place) => tokens.types[place] ?? 0),
    };
    const { values, dims } = await predictor.wordScores(row, asked);
    const [count = 0, vocabulary = 0] = dims;
    // Behind the scores of the first token, which heads may look at.
    const behind = count - asked.length;
    asked.forEach((at, i) => {
      const place = places[at] as number;
      const scores = values.subarray((behind + i) * vocabulary, (behind + i + 1) * vocabulary);
      guesses.set(place, lossOf(scores, tokens.ids[place] as number));
    });
  }
  const of = hidden.map((place) => guesses.get(place));
  const outcome: Guesses = {
    places: hidden,
    losses: of.map((one) => Number((one?.loss ?? Number.NaN).toPrecision(LOSS_DIGITS))),
    right: of.map((one) => (one?.isRight ? 1 : 0)),
  };
  return { outcome, tokens: tokens.ids.length, read: tokens.ids.length };
}

/** The first tokens, with the special ones that end the text. */
function beginningOf(tokens: AlignedTokens, longest: number): AlignedTokens {
  if (tokens.ids.length <= longest) return tokens;
  const { pieces } = piecesOf(tokens, false, { maxLength: longest, reading: "cut" });
  const kept = pieces[0]?.places ?? [];
  const of = <T>(values: readonly T[]) => kept.map((place) => values[place] as T);
  const { ids, types, sources, starts, ends, words, continues } = tokens;
  return {
    ...{ ids: of(ids), types: of(types), sources: of(sources), starts: of(starts), ends: of(ends) },
    ...{ words: of(words), continues: of(continues) },
  };
}

/** Drawn for every token, so that a text's beginning is hidden alike whatever follows. */
function hiddenPlaces({ sources }: AlignedTokens, seed: number): number[] {
  const uniform = seededUniform(seed);
  return sources.flatMap((source, place) => (uniform() < MASKED && source >= 0 ? [place] : []));
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
        name: "loss",
        better: "lower",
        unit: "nats",
        places: { from, to: Number.isFinite(to) ? to : undefined },
        estimate: mean(loss, [from, to]),
      }),
    ),
  ];
}
