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
import { modelBytes } from "../../onnx/writer.js";
import { sweepLengths } from "../../runtime/lengths.js";
import { running } from "../../runtime/open-runnable.js";
import type { Session } from "../../runtime/session.js";
import type { Outcome } from "../check.js";
import { type LongformerProblem, longformerAttentionByDefinition } from "../definition/longformer.js";
import { judgeOp, type OpCheck, type OpError, relativeError } from "./check-op.js";
import { attentionProblem } from "./problem.js";

/** One in so many tokens of an input is global, besides the first one. */
const GLOBAL_EVERY = 50;

const TENSORS = ["query", "key", "value"] as const;

/** The op of each kind of layer, with global tokens. */
export function longformerOps(model: Model, config: LongformerConfig): OnnxFunction[] {
  const ops = config.attention_window.map((_, layer) => layerOp(model, config, layer, true));
  return ops.filter((op, i) => ops.findIndex(({ name }) => name === op.name) === i);
}

/**
 * Compares a Longformer's attention op with its definition, computed in float64 token by token, at hostile lengths:
 * a row with global tokens here and there, and one without any behind which padding follows.
 */
export async function checkLongformerOp(attention: OnnxFunction, check: OpCheck): Promise<Outcome> {
  const { host, device, model, longest, lengths: asked, seed, signal } = check;
  if (check.attention.kind !== "longformer") throw new Error("the model is no Longformer");
  const { config } = check.attention;
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
  const session = await running("the attention op cannot be loaded", async () =>
    host.open(await modelBytes(opModel(attention, heads, hasGlobals)), { device }),
  );
  const { window, dilation } = windowOf(config, layer, heads.numHeads);
  const found: OpError[] = [];
  try {
    for (const length of sweepLengths(check.attention, longest, asked)) {
      signal?.throwIfAborted();
      const problem = longformerProblem({ ...heads, length, window, hasGlobals, seed: seed + length });
      const expected = longformerAttentionByDefinition(problem, { window, dilation });
      found.push({ length, error: relativeError(await runOp(session, problem, length), expected) });
    }
  } finally {
    await session.close();
  }
  return judgeOp(found, device);
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

async function runOp(session: Session, problem: LongformerProblem, length: number): Promise<Float32Array> {
  const { batch, numHeads, headDim, mask, globalMask, global } = problem;
  const dims = [batch, length, numHeads * headDim];
  const floats = (values: ArrayLike<number>) => ({ dims, values, dtype: "float32" }) as const;
  const masks = (values: ArrayLike<number>) => ({ dims: [batch, length], values, dtype: "int64" }) as const;
  const all = {
    ...Object.fromEntries(TENSORS.map((name) => [name, floats(problem[name])])),
    ...Object.fromEntries(TENSORS.map((name) => [`${name}_global`, floats(global[name])])),
    attention_mask: masks(mask),
    global_attention_mask: masks(globalMask),
  };
  const known = Object.entries(all).filter(([name]) => session.inputNames.includes(name));
  const results = await running(`the attention op does not run at ${length} tokens`, () =>
    session.run(Object.fromEntries(known)),
  );
  return results.context?.values ?? new Float32Array(0);
}
