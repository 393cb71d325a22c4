import type { FloatTensor } from "../runtime/tensors.js";
import type { Pieces } from "./pieces.js";

/** The outputs of a document's tokens, each from the piece that owns it: (tokens, …), 0 for those that were cut off. */
export function stitched({ pieces, owners }: Pieces, outputs: readonly FloatTensor[]): FloatTensor {
  const [first] = outputs;
  if (pieces.length === 1 && first && pieces[0]?.places.length === owners.length) return first;
  const dims = [owners.length, ...(first?.dims.slice(1) ?? [])];
  const width = dims.slice(1).reduce((a, b) => a * b, 1);
  const values = new Float32Array(owners.length * width);
  pieces.forEach(({ places }, i) => {
    const own = outputs[i]?.values ?? values;
    places.forEach((place, at) => {
      if (owners[place] === i) values.set(own.subarray(at * width, (at + 1) * width), place * width);
    });
  });
  return { dims, values };
}

/** The mean of vectors, each with a weight. */
export function weightedMean(vectors: readonly Float32Array[], weights: readonly number[]): Float32Array {
  const total = weights.reduce((a, b) => a + b, 0);
  const sums = new Float64Array(vectors[0]?.length ?? 0);
  vectors.forEach((vector, i) => {
    const share = (weights[i] ?? 0) / total;
    vector.forEach((value, j) => {
      sums[j] = (sums[j] ?? 0) + share * value;
    });
  });
  return Float32Array.from(sums);
}
