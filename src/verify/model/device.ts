import { borderOf } from "../../attention/variants.js";
import type { Device } from "../../base/device-names.js";
import { formatNumber } from "../../report/numbers.js";
import { makeBatch } from "../../runtime/batch.js";
import { EXECUTION_PROVIDERS } from "../../runtime/devices.js";
import { sweepLengths } from "../../runtime/lengths.js";
import type { NodeShare } from "../../runtime/node-shares.js";
import type { OpenRunnable } from "../../runtime/open-runnable.js";
import type { Runnable } from "../../runtime/runnable.js";
import type { Outcome } from "../check.js";
import { type DifferenceFound, difference, judgeByLength } from "./difference.js";
import type { Subject } from "./subject.js";

/**
 * How far a device may differ from the CPU, relative to the outputs' size, by the graph's dtype: sums in another order
 * and approximate exponentials, through all layers. Measured on WebGPU: 1e-6 for a layer.
 */
const TOLERANCES = { fp32: 1e-3 };

/** Says which provider ran which share of the nodes. @param profiled the converted model, opened with a profile */
export async function checkNodes(
  { attention, inputs, seed }: Subject,
  profiled: OpenRunnable,
  device: Device,
): Promise<Outcome> {
  // Full attention and blocks are two branches of the graph.
  const lengths = [borderOf(attention), 3 * borderOf(attention) + 5].map((length) =>
    Math.min(profiled.longest, length),
  );
  for (const length of lengths) {
    await profiled.encode(makeBatch([inputs.random(length, seed)], inputs.padId));
  }
  const shares = await profiled.nodeShares();
  const own = shares.find(({ provider }) => provider === EXECUTION_PROVIDERS[device]);
  const detail = `${shares.map(describe).join(", ")} of ${shares.reduce((sum, { nodes }) => sum + nodes, 0)} nodes`;
  if (own) return { verdict: "stated", detail, figure: { value: own.share } };
  return { verdict: "fail", detail: `${detail}: nothing ran on ${device}`, remedy: "Name another device." };
}

/** Compares a device with the CPU, on the same weights. */
export async function checkDevice(subject: Subject, onCpu: Runnable): Promise<Outcome> {
  const { converted, attention, inputs, lengths, seed, signal } = subject;
  const found: DifferenceFound[] = [];
  for (const length of sweepLengths(attention, converted.longest, lengths)) {
    signal?.throwIfAborted();
    const batch = makeBatch([inputs.random(length, seed + length)], inputs.padId);
    const [expected, actual] = [await onCpu.encode(batch), await converted.encode(batch)];
    found.push({ length, difference: difference(expected.states.values, actual.states.values) });
  }
  return judgeByLength(found, {
    tolerance: ({ scale }) => TOLERANCES.fp32 * Math.max(1, scale),
    remedy: "Do not run this model on this device; update its driver, or report it.",
  });
}

function describe({ provider, share }: NodeShare): string {
  return `${provider.replace(/ExecutionProvider$/, "")} ran ${formatNumber(100 * share)} %`;
}
