import { LsgError } from "../base/errors.js";
import type { Check } from "./types.js";

/** A check without its name. */
export type Outcome = Omit<Check, "id" | "title">;

/** Runs a check. What a damaged folder makes impossible to look at is a failure, not the end of the run. */
export async function attempt(id: string, title: string, look: () => Promise<Outcome>): Promise<Check> {
  try {
    return { id, title, ...(await look()) };
  } catch (error) {
    return failureOf(id, title, error);
  }
}

/** What a check that could not be made says. @throws what is no LsgError: a bug */
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
