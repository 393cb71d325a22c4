import type { LocalAttention } from "../../attention/variants.js";
import type { Device } from "../../base/device-names.js";
import type { Model } from "../../model/model.js";
import { formatNumber } from "../../report/numbers.js";
import { largestAt, lengthsUpTo } from "../../report/words.js";
import type { GraphHost } from "../../runtime/graph-host.js";
import type { Outcome } from "../attempt.js";

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

/** How far an op may be from its definition. */
export function opTolerance(device: Device): number {
  return device === "cpu" ? TOLERANCES.cpu : TOLERANCES.other;
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
