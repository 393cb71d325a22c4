import type { LocalAttention } from "../../attention/variants.js";
import type { Device } from "../../base/device-names.js";
import type { Model } from "../../model/model.js";
import type { OnnxModel } from "../../onnx/builder.js";
import { modelBytes } from "../../onnx/writer.js";
import { formatNumber, largestAt, lengthsUpTo } from "../../report/numbers.js";
import type { GraphHost } from "../../runtime/graph-host.js";
import { running } from "../../runtime/open-runnable.js";
import type { Session } from "../../runtime/session.js";
import type { NumberTensor } from "../../runtime/tensors.js";
import type { Outcome } from "../check.js";

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

/**
 * Runs a graph of one op in several cases, and judges how far it is from its definition.
 * @param what how to call it in errors
 * @param cases by ascending length
 */
export async function judgeOp<Case>(
  {
    what,
    graph,
    cases,
  }: { readonly what: string; readonly graph: OnnxModel; readonly cases: readonly Case[] },
  { host, device, signal }: OpCheck,
  errorIn: (session: Session, one: Case) => Promise<OpError>,
): Promise<Outcome> {
  const session = await running(`${what} cannot be loaded`, async () =>
    host.open(await modelBytes(graph), { device }),
  );
  const found: OpError[] = [];
  try {
    for (const one of cases) {
      signal?.throwIfAborted();
      found.push(await errorIn(session, one));
    }
  } finally {
    await session.close();
  }
  return judge(found, device);
}

function judge(found: readonly OpError[], device: Device): Outcome {
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

/**
 * Runs an op once.
 * @param what that it does not run, for errors
 * @param inputs those among them that the op has are given to it
 * @returns how far its output is from the expected one
 */
export async function errorOf(
  session: Session,
  what: string,
  inputs: Readonly<Record<string, NumberTensor>>,
  expected: Float64Array,
): Promise<number> {
  const known = Object.entries(inputs).filter(([name]) => session.inputNames.includes(name));
  const results = await running(what, () => session.run(Object.fromEntries(known)));
  return relativeError(results.context?.values ?? new Float32Array(0), expected);
}

/** Numbers as a session takes them. */
export function floats(values: ArrayLike<number>, dims: readonly number[]): NumberTensor {
  return { dims, values, dtype: "float32" };
}

/** The largest difference over the largest expected value, where something is expected: NaN stands elsewhere. */
function relativeError(actual: Float32Array, expected: Float64Array): number {
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
