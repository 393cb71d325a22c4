import { formatNumber } from "../report/numbers.js";
import type { Check, DifferenceAt } from "../types.js";
import { counted, largestAt, lengthsUpTo } from "../words.js";
import { compare, headOutputs, hiddenDifference, outputDifference, raggedBatch } from "./comparison.js";
import { type Difference, toleranceFor } from "./difference.js";
import { comparedLengths } from "./lengths.js";
import type { Subject } from "./subject.js";

/** Lengths between the borders that are looked at. */
const SEEDED_LENGTHS = 16;

const REMEDY =
  "The result does not do what the original did: convert again, and report it if that does not help.";

interface Worst {
  readonly difference: Difference;
  readonly length: number;
}

/** Compares converted and original model at the lengths at which the same outputs are promised. */
export async function checkLossless(
  subject: Subject & { readonly original: NonNullable<Subject["original"]> },
): Promise<{ checks: Check[]; differences: DifferenceAt[] }> {
  const { original, converted, inputs, losslessUpTo, lsg, lengths: asked, seed, signal } = subject;
  const lengths = comparedLengths(lsg, [1, losslessUpTo], { count: SEEDED_LENGTHS, seed, asked });
  const [hidden, head]: [Worst[], Worst[]] = [[], []];
  for (const length of lengths) {
    signal?.throwIfAborted();
    const comparison = await compare(original, converted, raggedBatch(inputs, length, seed + length));
    if (!comparison.expected.values.every(Number.isFinite))
      return { checks: [notFinite(length)], differences: [] };
    hidden.push({ length, difference: hiddenDifference(comparison) });
    if (!original.head || !converted.head) continue;
    const [expected, actual] = await headOutputs(original, converted, comparison, seed + length);
    head.push({ length, difference: outputDifference(expected, actual) });
  }
  const checks = [judge("lossless", "hidden states and the original's", hidden, lengths)];
  if (head.length > 0) checks.push(judge("lossless-head", "outputs and the original's", head, lengths));
  const differences = hidden.map(({ length, difference }) => {
    return { length, difference: difference.largest, tolerance: toleranceFor(difference) };
  });
  return { checks, differences };
}

function notFinite(length: number): Check {
  return {
    id: "lossless",
    title: "hidden states and the original's",
    verdict: "fail",
    detail: `the original's own outputs are not finite, at ${length} tokens`,
    remedy: "The original is damaged: get it again, and convert it again.",
  };
}

function judge(id: string, title: string, found: readonly Worst[], lengths: readonly number[]): Check {
  const worst = found.reduce<Worst | undefined>((a, b) => (a && excess(a) >= excess(b) ? a : b), undefined);
  if (!worst) {
    return {
      id,
      title,
      verdict: "skipped",
      detail: "--lengths names no length at which anything is promised",
    };
  }
  const { difference, length } = worst;
  const tolerance = toleranceFor(difference);
  const failed = found.filter((one) => excess(one) > 1);
  return {
    id,
    title,
    verdict: failed.length > 0 ? "fail" : "pass",
    detail:
      `${lengthsUpTo(lengths)} tokens, 3 rows each: ${largestAt(difference.largest, length)}` +
      (failed.length > 0
        ? `, allowed ${formatNumber(tolerance)}; too large at ${counted(failed.length, "length")}`
        : ""),
    figure: { value: difference.largest, tolerance, length },
    ...(failed.length > 0 && {
      findings: failed.map((one) => `${one.length} tokens: ${formatNumber(one.difference.largest)}`),
      remedy: REMEDY,
    }),
  };
}

/** A difference as a multiple of what is allowed. */
function excess({ difference }: Worst): number {
  return difference.largest / toleranceFor(difference);
}
