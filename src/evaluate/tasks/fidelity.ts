import { seededUniform } from "../../base/random.js";
import type { Pieces } from "../../predict/pieces.js";
import type { Predictor, RowOutputs } from "../../predict/predictor.js";
import type { ModelInput } from "../../predict/types.js";
import type { AlignedTokens } from "../../runtime/text-tokenizer.js";
import { centredPieces } from "../centred.js";
import { meanMetric } from "../metrics/metric.js";
import { figuresOf, type Job, oneItemEach } from "./job.js";
import { cosine, dot, packVector, unpackVector } from "./vectors.js";

/** Tokens of a document that are looked at, spread over it. */
const TOKENS = 16;

/** Windows that are run at a time: a batch has them all in memory. */
const AT_ONCE = 4;

/**
 * Texts of which nothing is known, and a model that embeds: how near the vector of a token is to what the source makes of it in
 * a window of its own, in whose middle it stands. That is the source as it was made, at every place of a document.
 */
export function fidelityJob(items: readonly ModelInput[], seed: number): Job {
  type Cut = (tokens: AlignedTokens, places: readonly number[], predictor: Predictor) => Pieces;
  const asking = (cut: Cut): Job["ask"] =>
    async function* (predictor, numbers) {
      for (const number of numbers) {
        const [tokens] = await predictor.tokenize(items[number] as ModelInput);
        if (!tokens) throw new Error("a text has no tokens");
        const places = sampledPlaces(tokens, seed);
        const vectors = await vectorsOf(predictor, tokens, places, cut(tokens, places, predictor));
        const { length } = tokens.ids;
        yield { outcome: vectors.map(packVector), tokens: length, read: length };
      }
    };
  return {
    title: "embeddings without labels: fidelity",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: `fidelity ${seed}`,
    task: "feature-extraction",
    refuses: ({ reading, isSource }) =>
      isSource && reading === "cut" ? "most tokens of a long document have no vector" : undefined,
    ask: asking((tokens, _, predictor) => predictor.pieces(tokens, false)),
    reference: {
      name: "windows centred on each token",
      ask: asking((tokens, places, { maxLength }) => centredPieces(tokens, maxLength, places)),
    },
    score: (outcomes, reference = []) =>
      figuresOf(
        [
          meanMetric("fidelity", ({ fidelity }: Likeness) => fidelity),
          { ...meanMetric("drift", ({ drift }: Likeness) => drift), better: "lower" as const },
        ],
        (outcomes as string[][]).map((packed, i) => likeness(packed, reference[i] as string[])),
      ),
  };
}

/** Over a document's tokens: the mean cosine, and the mean length of the difference by that of what is right. */
interface Likeness {
  readonly fidelity: number;
  readonly drift: number;
}

function likeness(packed: readonly string[], right: readonly string[]): Likeness {
  const pairs = packed.map((text, i) => [unpackVector(text), unpackVector(right[i] ?? "")] as const);
  const mean = (of: (a: Float32Array, b: Float32Array) => number) =>
    pairs.reduce((sum, [a, b]) => sum + of(a, b), 0) / pairs.length;
  return {
    fidelity: mean(cosine),
    drift: mean((a, b) => {
      const difference = a.map((value, i) => value - (b[i] ?? 0));
      return Math.sqrt(dot(difference, difference) / dot(b, b));
    }),
  };
}

/** One of each of equal stretches of the content, by chance. */
function sampledPlaces({ sources }: AlignedTokens, seed: number): number[] {
  const uniform = seededUniform(seed);
  const content = sources.flatMap((source, place) => (source >= 0 ? [place] : []));
  const count = Math.min(TOKENS, content.length);
  return Array.from(
    { length: count },
    (_, i) => content[Math.floor(((i + uniform()) * content.length) / count)] as number,
  );
}

async function vectorsOf(
  predictor: Predictor,
  { ids, types }: AlignedTokens,
  places: readonly number[],
  { pieces, owners }: Pieces,
): Promise<Float32Array[]> {
  const wanted = [...new Set(places.map((place) => owners[place] as number))];
  const found = new Map<number, Float32Array>();
  for (let first = 0; first < wanted.length; first += AT_ONCE) {
    const some = wanted.slice(first, first + AT_ONCE);
    const rows = some.map((piece) => {
      const own = pieces[piece]?.places ?? [];
      return { ids: own.map((i) => ids[i] as number), types: own.map((i) => types[i] ?? 0) };
    });
    const outputs = await predictor.outputs(rows, [HIDDEN]);
    some.forEach((piece, i) => {
      for (const place of places) {
        if (owners[place] !== piece) continue;
        found.set(place, vectorAt(outputs[i] ?? {}, pieces[piece]?.places.indexOf(place) ?? 0));
      }
    });
  }
  return places.map((place) => found.get(place) as Float32Array);
}

const HIDDEN = "last_hidden_state";

function vectorAt({ [HIDDEN]: hidden }: RowOutputs, place: number): Float32Array {
  if (!hidden) throw new Error(`a base model gives no ${HIDDEN}`);
  const width = hidden.dims.at(-1) ?? 0;
  return hidden.values.slice(place * width, (place + 1) * width);
}
