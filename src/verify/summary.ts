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
  } = report;
  const passed = (id: string) => checks.some((check) => check.id === id && check.verdict === "pass");
  const upTo = (longest = 0) =>
    lengths
      ? `at ${lengths.filter((asked) => asked <= longest).join(", ")} tokens`
      : `up to ${counted(longest, "token")}`;
  return [
    passed("weights") && "every weight and file is as planned",
    passed("lossless") &&
      (lossless
        ? `${upTo(lossless)} it computes what the original computes`
        : `${upTo(hidden ?? 0)} its base model computes what the original's does`),
    passed("generation") && "it writes what the original writes",
    passed("sweep") && `${upTo(length?.to)} its outputs are finite and no padding changes them`,
    passed("attention-op") && "its attention is what it is defined to be",
    passed("transformers") && "transformers computes the same",
    passed("weights") ? undefined : "but nothing was compared with the original",
    passed("weights") && lossless === 0 && hidden === 0 && "nothing is promised about the original's outputs",
  ].filter((line): line is string => typeof line === "string");
}
