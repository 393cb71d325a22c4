import { counted } from "../report/words.js";
import type { VerificationReport } from "./types.js";

/** The verdict of a report, and a sentence that tells what was proven or what fell short. */
export function summarise(
  report: Omit<VerificationReport, "verdict" | "summary">,
): Pick<VerificationReport, "verdict" | "summary"> {
  const failed = report.checks.filter(({ verdict }) => verdict === "fail");
  if (failed.length > 0) {
    const which = failed.map(({ id }) => id).join(", ");
    return {
      verdict: "fail",
      summary: `${report.converted} is NOT what it claims to be: ${failed.length} of ${report.checks.length} checks failed (${which}).`,
    };
  }
  return { verdict: "pass", summary: `${report.converted} is sound: ${proven(report).join("; ")}.` };
}

function proven(report: Omit<VerificationReport, "verdict" | "summary">): string[] {
  const {
    checks,
    lossless_up_to: lossless,
    hidden_states_up_to: hidden,
    max_sequence_length: length,
    lengths,
    looked_up_to: looked,
  } = report;
  const passed = (id: string) => checks.some((check) => check.id === id && check.verdict === "pass");
  const upTo = (longest: number, possible = longest) =>
    lengths
      ? `at ${lengths.filter((asked) => asked <= Math.min(longest, possible)).join(", ")} tokens`
      : `up to ${counted(Math.min(longest, possible), "token")}`;
  return [
    passed("weights") && "every weight and file is as planned",
    passed("lossless") &&
      (lossless
        ? `${upTo(lossless, looked?.compared)} it computes what the original computes`
        : `${upTo(hidden ?? 0, looked?.compared)} its base model computes what the original's does`),
    passed("generation") && "it writes what the original writes",
    passed("sweep") &&
      `${upTo(length?.to ?? 0, looked?.run)} its outputs are finite and no padding changes them`,
    passed("attention-op") && "its attention is what it is defined to be",
    passed("transformers") && "transformers computes the same",
    passed("weights") ? undefined : "but nothing was compared with the original",
    checks.some(({ id }) => id === "memory") && "longer inputs were not looked at, for want of memory",
    passed("weights") && lossless === 0 && hidden === 0 && "nothing is promised about the original's outputs",
  ].filter((line): line is string => typeof line === "string");
}
