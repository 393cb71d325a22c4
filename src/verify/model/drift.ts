import { largestIndex, smallestOf } from "../../base/extremes.js";
import { counted, formatNumber } from "../../report/numbers.js";
import { makeBatch } from "../../runtime/batch.js";
import { comparedLengths } from "../../runtime/lengths.js";
import { type FloatTensor, tokensOf } from "../../runtime/tensors.js";
import type { Check, DifferenceAt } from "../check.js";
import {
  type Comparison,
  compare,
  cosine,
  headOutputs,
  hiddenDifference,
  outputDifference,
  statesOf,
} from "./comparison.js";
import { larger, NO_DIFFERENCE } from "./difference.js";
import type { Subject } from "./subject.js";

/** Lengths between the borders that are looked at. */
const SEEDED_LENGTHS = 4;

/**
 * States how far the converted model is from the original where nothing is promised, at lengths that both read.
 * @param longest tokens of the longest inputs that both can be run with here
 */
export async function measureDrift(
  subject: Subject & { readonly original: NonNullable<Subject["original"]> },
  longest: number,
): Promise<{ checks: Check[]; differences: DifferenceAt[] }> {
  const { original, converted, inputs, promise, attention, lengths: asked, seed, signal } = subject;
  const range = [promise.hidden_states_up_to + 1, longest] as const;
  const lengths = comparedLengths(attention, range, { count: SEEDED_LENGTHS, seed, asked });
  const cosines: number[] = [];
  const agreements: boolean[] = [];
  let outputs = NO_DIFFERENCE;
  const differences: DifferenceAt[] = [];
  for (const length of lengths) {
    signal?.throwIfAborted();
    const rows = [inputs.text(length, seed + length), inputs.text(length, seed + length + 1)];
    const comparison = await compare(original, converted, makeBatch(rows, inputs.padId));
    for (const one of tokenCosines(comparison)) cosines.push(one);
    differences.push({ length, difference: hiddenDifference(comparison).largest });
    if (!original.head || !converted.head) continue;
    const [expected, actual] = await headOutputs(original, converted, comparison, inputs, seed + length);
    outputs = larger(outputs, outputDifference(expected, actual));
    for (const [name, output] of Object.entries(expected)) {
      if (name !== "last_hidden_state")
        for (const one of sameChoices(output, actual[name])) agreements.push(one);
    }
  }
  const title = "drift from the original";
  if (lengths.length === 0) return { checks: [], differences };
  const mean = cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
  const agreed = agreements.filter((same) => same).length;
  const check: Check = {
    id: "drift",
    title,
    verdict: "stated",
    detail:
      `${range[0]} to ${range[1]} tokens, where nothing is promised; ${counted(lengths.length, "length")}: cosine of ${statesOf(converted.model)} ${formatNumber(mean)} on average, ` +
      `${formatNumber(smallestOf(cosines))} at least` +
      (outputs.largest > 0 ? `; outputs differ by ${formatNumber(outputs.largest)} at most` : "") +
      (agreements.length > 0 ? `; same first choice in ${agreed} of ${agreements.length} outputs` : ""),
    figure: { value: mean },
  };
  return { checks: [check], differences };
}

function tokenCosines({ batch, expected, actual }: Comparison): number[] {
  return batch.visible.flatMap(({ start, end }, row) =>
    Array.from({ length: end - start }, (_, i) =>
      cosine(
        tokensOf(expected.hidden, row, start + i, start + i + 1),
        tokensOf(actual.hidden, row, start + i, start + i + 1),
      ),
    ),
  );
}

/** For each vector of scores whether its largest one is in the same place. A single score is not a choice. */
function sameChoices(expected: FloatTensor, actual: FloatTensor | undefined): boolean[] {
  const width = expected.dims.at(-1) ?? 1;
  if (!actual || width < 2) return [];
  return Array.from({ length: expected.values.length / width }, (_, i) => {
    const part = ({ values }: FloatTensor) => values.subarray(i * width, (i + 1) * width);
    return largestIndex(part(expected)) === largestIndex(part(actual));
  });
}
