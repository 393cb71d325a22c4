import { LsgError } from "../base/errors.js";
import type { Table } from "../report/table.js";

/** Of one check. `stated` is a fact on which nothing was promised (drift, times); `skipped` says what was not looked at. */
export type Verdict = "pass" | "fail" | "stated" | "skipped";

export interface Figure {
  readonly value: number;
  /** What the value may be at most; left out where nothing was promised. */
  readonly tolerance?: number;
  /** Tokens of the input at which it was measured. */
  readonly length?: number;
}

export interface Check {
  /** For scripts; does not change between versions: `weights`, `lossless`, `attention-op` … */
  readonly id: string;
  /** What was looked at, in a few words. */
  readonly title: string;
  readonly verdict: Verdict;
  /** What was found, in one sentence with its numbers; for a failure also what was expected. */
  readonly detail: string;
  readonly figure?: Figure;
  /** Single findings, a sentence each: every tensor, key or file that is not as planned. */
  readonly findings?: readonly string[];
  readonly remedy?: string;
  /** Things side by side: predictions of original and converted model. */
  readonly table?: Table;
}

/** The largest difference between converted and original model at one length. */
export interface DifferenceAt {
  readonly length: number;
  readonly difference: number;
  /** Left out where nothing was promised at this length. */
  readonly tolerance?: number;
}

export type Outcome = Omit<Check, "id" | "title">;

/** Runs a check. What a damaged folder makes impossible to look at is a failure, not the end of the run. */
export async function attempt(id: string, title: string, look: () => Promise<Outcome>): Promise<Check> {
  try {
    return { id, title, ...(await look()) };
  } catch (error) {
    return failureOf(id, title, error);
  }
}

/** What a check that could not be made says. @throws what is not an LsgError: a bug */
export function failureOf(id: string, title: string, error: unknown): Check {
  if (!(error instanceof LsgError)) throw error;
  const { message: detail, remedy } = error;
  return { id, title, verdict: "fail", detail, ...(remedy !== undefined && { remedy }) };
}

/** Findings of one check that are named: more tell nobody more. */
const MAX_FINDINGS = 1000;

/** Passes without findings; fails with them. */
export function judge(all: readonly string[], passed: string, failed: string, remedy?: string): Outcome {
  if (all.length === 0) return { verdict: "pass", detail: passed };
  const more = all.length - MAX_FINDINGS;
  const findings = more > 0 ? [...all.slice(0, MAX_FINDINGS), `and ${more} more`] : all;
  return { verdict: "fail", detail: failed, findings, ...(remedy !== undefined && { remedy }) };
}
