import type { Model } from "../../model/model.js";
import { comparedLengths } from "../../runtime/lengths.js";
import type { Check, DifferenceAt } from "../check.js";
import {
  compare,
  headOutputs,
  hiddenDifference,
  outputDifference,
  raggedBatch,
  statesOf,
} from "./comparison.js";
import { type DifferenceFound, judgeByLength, toleranceFor } from "./difference.js";
import type { Subject } from "./subject.js";

/** Lengths between the borders that are looked at. */
const SEEDED_LENGTHS = 16;

const REMEDY =
  "The result does not do what the original did: convert again, and report it if that does not help.";

/** Compares converted and original model at the lengths at which the same outputs are promised. */
export async function checkLossless(
  subject: Subject & { readonly original: NonNullable<Subject["original"]> },
): Promise<{ checks: Check[]; differences: DifferenceAt[] }> {
  const { original, converted, inputs, promise, attention, lengths: asked, seed, signal } = subject;
  const title = losslessTitle(converted.model);
  // Positions counted behind padding and plain ones agree where no padding comes first.
  const [own, other] = [original, converted].map(({ model }) => model.architecture.positions.kind);
  const side = own === other ? "left" : "right";
  const longest = Math.min(promise.hidden_states_up_to, original.longest, converted.longest);
  const lengths = comparedLengths(attention, [1, longest], { count: SEEDED_LENGTHS, seed, asked });
  const [hidden, head]: [DifferenceFound[], DifferenceFound[]] = [[], []];
  for (const length of lengths) {
    signal?.throwIfAborted();
    const comparison = await compare(original, converted, raggedBatch(inputs, length, seed + length, side));
    if (!comparison.expected.states.values.every(Number.isFinite))
      return { checks: [notFinite(title, length)], differences: [] };
    hidden.push({ length, difference: hiddenDifference(comparison) });
    if (!original.head || !converted.head || length > promise.lossless_up_to) continue;
    const [expected, actual] = await headOutputs(original, converted, comparison, inputs, seed + length);
    head.push({ length, difference: outputDifference(expected, actual) });
  }
  const checks = [check("lossless", title, hidden)];
  if (head.length > 0) checks.push(check("lossless-head", "outputs and the original's", head));
  const differences = hidden.map(({ length, difference }) => {
    return { length, difference: difference.largest, tolerance: toleranceFor(difference) };
  });
  return { checks, differences };
}

/** What the check of hidden states is called. */
export function losslessTitle(model: Model): string {
  return `${statesOf(model)} and the original's`;
}

function notFinite(title: string, length: number): Check {
  return {
    id: "lossless",
    title,
    verdict: "fail",
    detail: `the original's own outputs are not finite, at ${length} tokens`,
    remedy: "The original is damaged: get it again, and convert it again.",
  };
}

function check(id: string, title: string, found: readonly DifferenceFound[]): Check {
  return { id, title, ...judgeByLength(found, { what: " tokens, 3 rows each", remedy: REMEDY }) };
}
