import { seededUniform } from "../../base/random.js";
import type { Predictor, RowOutputs } from "../../predict/predictor.js";
import type { ModelInput } from "../../predict/types.js";
import { meanMetric } from "../metrics/metric.js";
import { centred, type Owner, type Parts } from "../parts.js";
import { type Asked, figuresOf, type Job, oneItemEach, type Way } from "./job.js";
import { readInParts } from "./part-reader.js";
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
  const ask = async function* (
    predictor: Predictor,
    numbers: readonly number[],
    partsOf: (length: number, tokens: readonly number[]) => Parts,
    way: Way,
  ): AsyncGenerator<Asked> {
    for (const number of numbers) {
      const [aligned] = await predictor.tokenize(items[number] as ModelInput);
      const ids = aligned?.ids ?? [];
      const tokens = sampledTokens(ids.length, way, seed);
      const vectors = await vectorsOf(predictor, ids, tokens, partsOf(ids.length, tokens));
      yield { outcome: vectors.map(packVector), tokens: ids.length, read: ids.length };
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
    ask: (predictor, numbers, way) =>
      ask(predictor, numbers, (length) => readInParts(length, predictor.maxLength, way), way),
    reference: {
      name: "windows centred on each token",
      ask: (predictor, numbers, way) =>
        ask(
          predictor,
          numbers,
          (length, tokens) => centred(length, { ...way, size: predictor.maxLength }, tokens),
          way,
        ),
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
function sampledTokens(length: number, { head, tail }: Way, seed: number): number[] {
  const uniform = seededUniform(seed);
  const content = Math.max(1, length - head - tail);
  const count = Math.min(TOKENS, content);
  return Array.from({ length: count }, (_, i) => head + Math.floor(((i + uniform()) * content) / count));
}

async function vectorsOf(
  predictor: Predictor,
  ids: readonly number[],
  tokens: readonly number[],
  { windows, owners }: Parts,
): Promise<Float32Array[]> {
  const found = new Map<number, Float32Array>();
  const wanted = [...windows.keys()].filter((window) =>
    tokens.some((token) => owners[token]?.window === window),
  );
  for (let first = 0; first < wanted.length; first += AT_ONCE) {
    const some = wanted.slice(first, first + AT_ONCE);
    const rows = some.map((window) => ({
      ids: (windows[window] ?? []).map((place) => ids[place] as number),
    }));
    const outputs = await predictor.outputs(rows);
    some.forEach((window, i) => {
      for (const token of tokens) {
        if (owners[token]?.window !== window) continue;
        found.set(token, vectorAt(outputs[i] as RowOutputs, owners[token] as Owner));
      }
    });
  }
  return tokens.map((token) => found.get(token) as Float32Array);
}

function vectorAt({ last_hidden_state: hidden }: RowOutputs, { place }: Owner): Float32Array {
  if (!hidden) throw new Error("a base model gives no last_hidden_state");
  const width = hidden.dims[1] ?? 0;
  return hidden.values.slice(place * width, (place + 1) * width);
}
