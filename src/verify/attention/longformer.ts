import { type LongformerConfig, windowOf } from "../../attention/longformer.js";
import { seededNormal, seededUniform } from "../../base/random.js";
import type { Model } from "../../model/model.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { createGraph, type OnnxModel } from "../../onnx/builder.js";
import { encoderHeads } from "../../onnx/encoder.js";
import type { Heads } from "../../onnx/functions/attend.js";
import { globalIndex, tokensAt } from "../../onnx/functions/longformer/global-index.js";
import { keyBias, WHOLE_MASK } from "../../onnx/functions/masks.js";
import { layerOp } from "../../onnx/longformer.js";
import type { ConversionRecord } from "../../plan/types.js";
import { sweepLengths } from "../../runtime/lengths.js";
import type { Outcome } from "../check.js";
import { type LongformerProblem, longformerAttentionByDefinition } from "../definition/longformer.js";
import type { AttentionProof, Reach, Span } from "./attention-proof.js";
import { errorOf, floats, judgeOp, type OpCheck } from "./check-op.js";
import { attentionProblem } from "./problem.js";

/** One in so many tokens of an input is global, besides the first one. */
const GLOBAL_EVERY = 50;

const TENSORS = ["query", "key", "value"] as const;

/** The op of each kind of layer, with global tokens. */
function encoderOps({ model }: OpCheck, config: LongformerConfig): OnnxFunction[] {
  const ops = config.attention_window.map((_, layer) => layerOp(model, config, layer, true));
  return ops.filter((op, i) => ops.findIndex(({ name }) => name === op.name) === i);
}

/** By a row with global tokens here and there, and one without any behind which padding follows. */
async function checkOp(attention: OnnxFunction, check: OpCheck, config: LongformerConfig): Promise<Outcome> {
  const { model, longest, lengths: asked, seed } = check;
  const layer = config.attention_window.findIndex(
    (_, i) => layerOp(model, config, i, true).name === attention.name,
  );
  if (layer < 0) {
    return {
      verdict: "fail",
      detail: `no layer of config.json's attention_window has ${attention.name}`,
      remedy: "Export it again: lsg export FOLDER.",
    };
  }
  const heads = encoderHeads(model);
  const hasGlobals = attention.proto.input.length > 4;
  const { window, dilation } = windowOf(config, layer, heads.numHeads);
  const graph = opModel(attention, heads, hasGlobals);
  const cases = sweepLengths(check.attention, longest, asked);
  return judgeOp({ what: "the attention op", graph, cases }, check, async (session, length) => {
    const problem = longformerProblem({ ...heads, length, window, hasGlobals, seed: seed + length });
    const expected = longformerAttentionByDefinition(problem, { window, dilation });
    const what = `the attention op does not run at ${length} tokens`;
    return { length, error: await errorOf(session, what, inputsOf(problem, length), expected) };
  });
}

/** A model of the op alone; projections of global tokens are given for all tokens. */
function opModel(attention: OnnxFunction, { numHeads, headDim }: Heads, hasGlobals: boolean): OnnxModel {
  const graph = createGraph(attention.name);
  const { op } = graph;
  const dims = ["batch_size", "sequence_length", numHeads * headDim];
  const input = (name: string) => graph.input(name, "F32", dims);
  const [query, key, value] = [input("query"), input("key"), input("value")];
  const mask = graph.input("attention_mask", "I64", ["batch_size", "sequence_length"]);
  const bias = keyBias(op, mask, { ...WHOLE_MASK, dtype: "F32" });
  const globals = () => {
    const index = globalIndex(
      op,
      graph.input("global_attention_mask", "I64", ["batch_size", "sequence_length"]),
      mask,
    );
    return [tokensAt(op, input("query_global"), index), input("key_global"), input("value_global"), index];
  };
  const context = op.call(attention, query, key, value, bias, ...(hasGlobals ? globals() : []));
  graph.output("context", context, "F32", dims);
  return graph.model();
}

interface Size extends Heads {
  readonly length: number;
  readonly window: number;
  readonly hasGlobals: boolean;
  readonly seed: number;
}

function longformerProblem({ length, window, hasGlobals, seed, ...heads }: Size): LongformerProblem {
  const problem = attentionProblem({ ...heads, prepended: 0, length, blockSize: window, seed });
  const [normal, uniform] = [seededNormal(seed + 1), seededUniform(seed)];
  const draw = () => Float32Array.from({ length: problem.query.length }, normal);
  const globalMask = Array.from({ length: 2 * length }, (_, i) =>
    hasGlobals && i < length && (i === 0 || uniform() * GLOBAL_EVERY < 1) ? 1 : 0,
  );
  return { ...problem, globalMask, global: { query: draw(), key: draw(), value: draw() } };
}

function inputsOf({ batch, mask, globalMask, global, ...problem }: LongformerProblem, length: number) {
  const dims = [batch, length, problem.numHeads * problem.headDim];
  const masks = (values: ArrayLike<number>) => ({ dims: [batch, length], values, dtype: "int64" }) as const;
  return {
    ...Object.fromEntries(TENSORS.map((name) => [name, floats(problem[name], dims)])),
    ...Object.fromEntries(TENSORS.map((name) => [`${name}_global`, floats(global[name], dims)])),
    attention_mask: masks(mask),
    global_attention_mask: masks(globalMask),
  };
}

/** Only a global token would reach further: none is, but for the first. */
function reachOf(
  { attention_window, attention_dilation }: LongformerConfig,
  token: number,
  length: number,
): Reach {
  const window = (attention_window[0] ?? 0) / 2;
  const dilations = [attention_dilation?.[0] ?? 1].flat();
  const around = (distance: number): Span => ({
    start: Math.max(0, token - distance),
    end: Math.min(length, token + distance + 1),
  });
  // A head without gaps sees all of its window.
  const local = around(dilations.includes(1) ? window : 0);
  return { local, sparse: around(window * Math.max(...dilations)), first: false };
}

function askedOf({ options }: ConversionRecord, { sizes }: Model): Readonly<Record<string, unknown>> {
  const { attention_window: window } = options;
  if (!Array.isArray(window)) return {};
  return {
    attention_window: window.length === 1 ? new Array<unknown>(sizes.layers).fill(window[0]) : window,
  };
}

function reachesFirst({ attention_window, attention_dilation }: LongformerConfig, token: number): boolean {
  const reached = attention_window.reduce((sum, width) => sum + width / 2, 0);
  return attention_dilation === undefined && reached >= token;
}

/** Windows, with gaps or without, and global tokens, against the definition of Longformer's attention. */
export function longformerProof(config: LongformerConfig): AttentionProof {
  return {
    encoderOps: (check) => encoderOps(check, config),
    checkOp: (op, check) => checkOp(op, check, config),
    reachOf: (token, length) => reachOf(config, token, length),
    reachesFirst: (token) => reachesFirst(config, token),
    askedOf,
    unrecordedLengths: (maxLength) => [maxLength],
    separators: [],
    ignoredKey: config.attention_dilation && "attention_dilation",
  };
}
