import { effectiveSparsity, type LsgConfig } from "../../attention/lsg-config.js";
import { type LocalAttention, lsgOf } from "../../attention/variants.js";
import type { Device } from "../../base/device-names.js";
import type { Model } from "../../model/model.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { prependedTokens } from "../../onnx/functions/lsg-inputs.js";
import { opOnlyModel } from "../../onnx/op-only.js";
import { modelBytes } from "../../onnx/writer.js";
import { formatNumber } from "../../report/numbers.js";
import { largestAt, lengthsUpTo } from "../../report/words.js";
import type { GraphHost } from "../../runtime/graph-host.js";
import { sweepLengths } from "../../runtime/lengths.js";
import { running } from "../../runtime/runnable.js";
import type { Session } from "../../runtime/session.js";
import type { Outcome } from "../attempt.js";
import { lsgAttentionByDefinition } from "../definition/lsg.js";
import { attentionProblem, type ProblemSize, type RandomProblem } from "./problem.js";

/**
 * Float32 against float64, relative to the largest output: measured 2e-7 to 2e-6 on CPUs. Other devices order
 * their sums otherwise and approximate exponentials. A key too many or too few moves an output by 1e-3.
 */
const TOLERANCES = { cpu: 1e-5, other: 1e-4 };

export interface OpCheck {
  readonly host: GraphHost;
  readonly device: Device;
  readonly model: Model;
  readonly attention: LocalAttention;
  readonly lshSeed: number;
  readonly longest: number;
  readonly lengths: readonly number[] | undefined;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/** How far an op is from its definition at one length, relative to the largest output. */
export interface OpError {
  /** Tokens, or keys. */
  readonly length: number;
  readonly error: number;
}

/** Compares an encoder's attention op with its definition, computed in float64 token by token, at hostile lengths. */
export async function checkEncoderOp(attention: OnnxFunction, check: OpCheck): Promise<Outcome> {
  const { host, device, model, longest, lengths: asked, seed, signal } = check;
  const lsg = lsgOf(check.attention);
  if (!lsg) throw new Error("the model has no LSG attention");
  const heads = { numHeads: model.sizes.heads, headDim: model.sizes.hidden / model.sizes.heads };
  const prepended = prependedTokens(lsg);
  const { relativeBias: relative } = model.architecture.encoder;
  const graph = opOnlyModel({
    ...heads,
    attention,
    prependedTokens: prepended,
    maskFirstToken: lsg.mask_first_token,
    biased: relative && { relative, config: lsg, causal: model.config.is_decoder === true },
    dtype: "F32",
  });
  const session = await running("the attention op cannot be loaded", async () =>
    host.open(await modelBytes(graph), { device }),
  );
  const found: OpError[] = [];
  try {
    for (const length of sweepLengths(check.attention, longest, asked)) {
      signal?.throwIfAborted();
      const size = { ...heads, prepended, length, blockSize: lsg.block_size, relative, seed: seed + length };
      let error = await errorAt(session, size, lsg, check);
      // Keys that are picked by hashing may be picked otherwise where float32 cannot tell; not twice in a row.
      if (error > opTolerance(device) && effectiveSparsity(lsg) === "lsh")
        error = await errorAt(session, { ...size, seed: size.seed + 1 }, lsg, check);
      found.push({ length, error });
    }
  } finally {
    await session.close();
  }
  return judgeOp(found, device);
}

/** Judges an op by its errors at several lengths, ascending. */
export function judgeOp(found: readonly OpError[], device: Device): Outcome {
  const tolerance = opTolerance(device);
  const worst = found.reduce((a, b) => (a.error >= b.error ? a : b));
  const failed = found.filter(({ error }) => !(error <= tolerance));
  const detail = `${lengthsUpTo(found.map(({ length }) => length))}: ${largestAt(worst.error, worst.length, "relative difference")}`;
  const figure = { value: worst.error, tolerance, length: worst.length };
  if (failed.length === 0) return { verdict: "pass", detail, figure };
  return {
    verdict: "fail",
    detail: `${detail}, allowed ${formatNumber(tolerance)}`,
    figure,
    findings: failed.map(({ length, error }) => `${length} tokens: ${formatNumber(error)}`),
    remedy: "The graph's attention is not that of config.json: export it again with lsg export.",
  };
}

function opTolerance(device: Device): number {
  return device === "cpu" ? TOLERANCES.cpu : TOLERANCES.other;
}

async function errorAt(
  session: Session,
  size: ProblemSize,
  lsg: LsgConfig,
  { model, lshSeed }: OpCheck,
): Promise<number> {
  const problem = attentionProblem(size);
  const causal = model.config.is_decoder === true;
  const expected = lsgAttentionByDefinition(problem, { config: lsg, causal, seed: lshSeed });
  return relativeError(await runOp(session, problem, size.length), expected);
}

async function runOp(session: Session, problem: RandomProblem, length: number): Promise<Float32Array> {
  const { batch, numHeads, headDim, query, key, value, mask, table } = problem;
  const width = numHeads * headDim;
  const floats = (values: ArrayLike<number>) => {
    return { dims: [batch, values.length / batch / width, width], values, dtype: "float32" } as const;
  };
  const results = await running(`the attention op does not run at ${length} tokens`, () =>
    session.run({
      query: floats(query),
      key: floats(key),
      value: floats(value),
      attention_mask: { dims: [batch, length], values: mask, dtype: "int64" },
      ...(table && {
        relative_attention_bias: {
          dims: [table.length / numHeads, numHeads],
          values: table,
          dtype: "float32",
        } as const,
      }),
    }),
  );
  return results.context?.values ?? new Float32Array(0);
}

/** The largest difference over the largest expected value, where something is expected: NaN stands elsewhere. */
export function relativeError(actual: Float32Array, expected: Float64Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [error, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] as number, expected[i] as number];
    if (Number.isNaN(e)) continue;
    if (!Number.isFinite(a)) return Number.POSITIVE_INFINITY;
    scale = Math.max(scale, Math.abs(e));
    error = Math.max(error, Math.abs(a - e));
  }
  return scale > 0 ? error / scale : error;
}
