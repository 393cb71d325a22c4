import type * as ort from "onnxruntime-node";
import { createGraph } from "../../src/onnx/builder.js";
import type { Heads } from "../../src/onnx/functions/attend.js";
import { globalIndex, tokensAt } from "../../src/onnx/functions/longformer/global-index.js";
import {
  GLOBAL_INPUTS,
  type LongformerAttentionOptions,
  longformerAttention,
} from "../../src/onnx/functions/longformer-attention.js";
import { keyBias } from "../../src/onnx/functions/masks.js";
import type { LongformerProblem } from "../../src/verify/definition/longformer.js";
import {
  floatTensor,
  HEADS,
  maskTensor,
  noise,
  numbers,
  problemOf,
  type TensorDtype,
  WIDTH,
} from "./attention-cases.js";
import { open } from "./graphs.js";

/** Random tensors for rows of the given masks. */
export function longformerProblem(
  masks: readonly (readonly number[])[],
  globalMasks: readonly (readonly number[])[],
  seed = 1,
): LongformerProblem {
  const tensor = (i: number) => noise(seed * 10 + i, masks.flat().length * WIDTH);
  return {
    ...problemOf(masks, 0, seed),
    globalMask: globalMasks.flat(),
    global: { query: tensor(4), key: tensor(5), value: tensor(6) },
  };
}

export interface OpenOptions extends Pick<LongformerAttentionOptions, "window"> {
  readonly dilation?: readonly number[];
  readonly globals?: boolean;
  readonly heads?: Heads;
  readonly dtype?: TensorDtype;
}

/**
 * The op alone, behind what makes its bias and index of `attention_mask` and `global_mask`. Its `query_global` is
 * taken from that of all tokens.
 */
export function openLongformer(options: OpenOptions): Promise<ort.InferenceSession> {
  const { window, dilation = [1], globals = true, heads = HEADS, dtype = "F32" } = options;
  const attention = longformerAttention({ ...heads, window, dilation, globals });
  const { op, ...graph } = createGraph(attention.name);
  const width = heads.numHeads * heads.headDim;
  const dims = ["batch_size", "sequence_length", width];
  const tensor = (name: string) => graph.input(name, dtype, dims);
  const mask = (name: string) => graph.input(name, "I64", dims.slice(0, 2));
  const attentionMask = mask("attention_mask");
  const bias = keyBias(op, attentionMask, { prependedTokens: 0, maskFirstToken: false, dtype });
  const local = [tensor("query"), tensor("key"), tensor("value"), bias];
  const ofGlobals = () => {
    const index = globalIndex(op, mask("global_mask"), attentionMask);
    const [query, key, value] = GLOBAL_INPUTS;
    return [tokensAt(op, tensor(query), index), tensor(key), tensor(value), index];
  };
  const context = op.call(attention, ...local, ...(globals ? ofGlobals() : []));
  graph.output("context", context, dtype, dims);
  return open(graph.model());
}

/** Runs such a graph: (batch, length, heads · head_dim). */
export async function runLongformer(
  session: ort.InferenceSession,
  problem: LongformerProblem,
  dtype: TensorDtype = "F32",
): Promise<Float64Array> {
  const { batch, numHeads, headDim, global } = problem;
  const tensor = (x: ArrayLike<number>) => floatTensor(x, batch, numHeads * headDim, dtype);
  const feeds = {
    query: tensor(problem.query),
    key: tensor(problem.key),
    value: tensor(problem.value),
    attention_mask: maskTensor(problem.mask, batch),
    query_global: tensor(global.query),
    key_global: tensor(global.key),
    value_global: tensor(global.value),
    global_mask: maskTensor(problem.globalMask, batch),
  };
  const taken = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
  const { context } = await session.run(Object.fromEntries(taken));
  return numbers(context, dtype);
}
