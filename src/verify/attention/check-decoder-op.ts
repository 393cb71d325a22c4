import { seededNormal } from "../../base/random.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { createGraph, type OnnxModel } from "../../onnx/builder.js";
import { decoderHeads } from "../../onnx/decoder.js";
import type { Heads } from "../../onnx/functions/attend.js";
import { keyBias, WHOLE_MASK } from "../../onnx/functions/masks.js";
import type { Outcome } from "../check.js";
import { fullAttentionByDefinition } from "../definition/full.js";
import { errorOf, floats, judgeOp, type OpCheck } from "./check-op.js";

const BATCH = 2;

/** Queries and keys: a first token, one behind others, some at once, some behind others. */
const SIZES = [
  [1, 1],
  [1, 7],
  [5, 12],
  [33, 33],
  [3, 130],
] as const;

/**
 * Compares one of a decoder's attention ops, which are full attention, with its definition. One that takes a mask
 * sees all keys that are not hidden; the other's queries are the last of the keys, and none sees a later one.
 */
export async function checkDecoderOp(attention: OnnxFunction, check: OpCheck): Promise<Outcome> {
  const heads = decoderHeads(check.model);
  const isMasked = attention.proto.input.includes("key_bias");
  const graph = decoderOpModel(attention, heads, isMasked);
  return judgeOp({ what: attention.name, graph, cases: SIZES }, check, async (session, [queries, keys]) => {
    const problem = decoderProblem(heads, queries, keys, isMasked, check.seed + keys);
    const inputs = {
      query: floats(problem.query, [BATCH, queries, heads.numHeads * heads.headDim]),
      key: inHeads(problem.key, heads, keys),
      value: inHeads(problem.value, heads, keys),
      attention_mask: { dims: [BATCH, keys], values: problem.mask, dtype: "int64" },
    } as const;
    const expected = fullAttentionByDefinition(problem, !isMasked);
    const what = `${attention.name} does not run with ${keys} keys`;
    return { length: keys, error: await errorOf(session, what, inputs, expected) };
  });
}

/** A model of one op: `query` (batch, length, heads · head_dim), `key` and `value` as a cache keeps them. */
function decoderOpModel(attention: OnnxFunction, heads: Heads, isMasked: boolean): OnnxModel {
  const { numHeads, headDim } = heads;
  const graph = createGraph(attention.name);
  const dims = ["batch_size", "sequence_length", numHeads * headDim];
  const inputs = [
    graph.input("query", "F32", dims),
    ...["key", "value"].map((name) => graph.input(name, "F32", ["batch_size", numHeads, "keys", headDim])),
  ];
  if (isMasked) {
    const mask = graph.input("attention_mask", "I64", ["batch_size", "keys"]);
    inputs.push(keyBias(graph.op, mask, { ...WHOLE_MASK, dtype: "F32" }));
  }
  graph.output("context", graph.op.call(attention, ...inputs), "F32", dims);
  return graph.model();
}

/** Random numbers; the second row's last keys are hidden where there is a mask. */
function decoderProblem(heads: Heads, queries: number, keys: number, isMasked: boolean, seed: number) {
  const width = heads.numHeads * heads.headDim;
  const normal = seededNormal(seed);
  const draw = (tokens: number) => Float32Array.from({ length: BATCH * tokens * width }, normal);
  const shorter = isMasked ? Math.max(1, Math.floor(0.7 * keys)) : keys;
  const mask = Array.from({ length: BATCH * keys }, (_, i) => (i < keys + shorter ? 1 : 0));
  return { batch: BATCH, ...heads, query: draw(queries), key: draw(keys), value: draw(keys), mask };
}

/** (batch, keys, heads · head_dim) as (batch, heads, keys, head_dim). */
function inHeads(x: ArrayLike<number>, { numHeads, headDim }: Heads, keys: number) {
  const values = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const [d, head] = [i % headDim, Math.floor(i / headDim) % numHeads];
    const token = Math.floor(i / headDim / numHeads);
    const [row, key] = [Math.floor(token / keys), token % keys];
    values[((row * numHeads + head) * keys + key) * headDim + d] = x[i] ?? 0;
  }
  return floats(values, [BATCH, numHeads, keys, headDim]);
}
