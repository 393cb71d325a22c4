import { rowScoreBytes } from "../../attention/score-memory.js";
import { FULL, type LocalAttention, outgrowsTable, seenInFull } from "../../attention/variants.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH } from "../../options/schemas.js";
import { counted, formatNumber } from "../../report/numbers.js";
import type { Runnable } from "../../runtime/runnable.js";
import type { Check } from "../check.js";

/** Two models, with the lengths that can be run here. */
interface Sides {
  readonly converted: Pick<Runnable, "maxLength" | "longest" | "model"> & {
    readonly attention: LocalAttention;
  };
  readonly original: Pick<Runnable, "maxLength" | "longest"> | undefined;
  readonly promisedUpTo: number;
}

/** Names the inputs that are not checked because they are too long for this machine's memory; usually none. */
export function unafforded({ converted, original, promisedUpTo }: Sides): Check[] {
  const comparable = Math.min(converted.longest, original?.longest ?? converted.longest);
  const both = Math.min(converted.maxLength, original?.maxLength ?? 0);
  const findings = [
    ...(comparable < both ? [`not compared with the original: inputs of ${range(comparable, both)}`] : []),
    ...(converted.longest < converted.maxLength
      ? [`not run: inputs of ${range(converted.longest, converted.maxLength)}`]
      : []),
  ];
  if (findings.length === 0) return [];
  const [attention, full] = comparable < both ? [FULL, both] : [converted.attention, scored(converted)];
  const size = (tokens: number) => {
    const gigabytes = formatNumber(rowScoreBytes(attention, converted.model.sizes.heads, tokens) / 1e9);
    return `${gigabytes} GB for ${counted(tokens, "token")}`;
  };
  return [
    {
      id: "memory",
      title: "inputs too long for this machine",
      verdict: "skipped",
      detail:
        `NOT COVERED${comparable < promisedUpTo ? `, although ${promisedUpTo} tokens are promised` : ""}: where every ` +
        `token sees every other one, the scores of a row in one layer take ${size(comparable)}, and ${size(full)}`,
      findings,
      remedy:
        "Verify where there is more memory, or convert to what can be looked at here: " +
        `--max-sequence-length ${Math.min(DEFAULT_MAX_SEQUENCE_LENGTH, comparable)}.`,
    },
  ];
}

/** The shortest of the inputs whose scores take the most: of windows there are more and more. */
function scored({ attention, maxLength }: Sides["converted"]): number {
  return outgrowsTable(attention) ? maxLength : seenInFull(attention);
}

/** The lengths beyond the longest one that is checked. */
function range(looked: number, longest: number): string {
  return looked + 1 === longest ? counted(longest, "token") : `${looked + 1} to ${longest} tokens`;
}
