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

/** Passes without findings; fails with them. */
export function judge(findings: readonly string[], passed: string, failed: string, remedy?: string): Outcome {
  if (findings.length === 0) return { verdict: "pass", detail: passed };
  return { verdict: "fail", detail: failed, findings, ...(remedy !== undefined && { remedy }) };
}
