import { counted } from "../report/numbers.js";
import type { FolderKind } from "./folder/kind.js";
import type { VerificationReport } from "./report/report-schema.js";
import type { FolderVerdict } from "./verdict.js";

type Unjudged = Omit<VerificationReport, "verdict" | "summary">;

/**
 * The verdict of a report, and a sentence that tells what was proven or what fell short.
 * @param original what the folder was compared with, in words
 */
export function summarise(
  report: Unjudged,
  kind: FolderKind,
  original: string | undefined,
): Pick<VerificationReport, "verdict" | "summary"> {
  const verdict = verdictOf(report, kind);
  return { verdict, summary: `${SENTENCES[verdict]({ ...report, original: original ?? null })}.` };
}

function verdictOf(report: Unjudged, kind: FolderKind): FolderVerdict {
  if (report.checks.some(({ verdict }) => verdict === "fail")) return "falls_short";
  if (kind === "fine-tuned") return "fine_tuned_since";
  return isCompared(report) ? "sound" : "not_compared";
}

/** Whether everything that the folder promises was held against the original. */
function isCompared(report: Unjudged): boolean {
  const { hidden_states_up_to: promised, lengths } = report;
  // With only longer --lengths the promise is deliberately not tested; the sentence names the lengths.
  const isLeftOut = lengths?.every((length) => length > (promised ?? 0));
  return hasPassed(report, "weights") && (!promised || isLeftOut || hasPassed(report, "lossless"));
}

const SENTENCES: Readonly<Record<FolderVerdict, (report: Unjudged) => string>> = {
  sound: (report) => `${report.converted} is sound: ${proven(report).join("; ")}`,
  fine_tuned_since: (report) =>
    `${report.converted} is fine-tuned since: nothing is compared with the source, for want of a record; ${needingNone(report)}`,
  not_compared: (report) =>
    `${report.converted} is not compared: ${unseen(report)} was compared with the original; ${needingNone(report)}`,
  falls_short: ({ converted, checks }) => {
    const failed = checks.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
    return `${converted} is NOT what it claims to be: ${failed.length} of ${checks.length} checks failed (${failed.join(", ")})`;
  },
};

function hasPassed({ checks }: Unjudged, id: string): boolean {
  return checks.some((check) => check.id === id && check.verdict === "pass");
}

/** What of the promise nobody looked at. */
function unseen(report: Unjudged): string {
  return hasPassed(report, "weights") ? "none of its outputs" : "nothing";
}

function needingNone(report: Unjudged): string {
  return proven(report).join("; ") || "its models were not run";
}

function proven(report: Unjudged): string[] {
  const {
    checks,
    original,
    lossless_up_to: lossless,
    hidden_states_up_to: hidden,
    max_sequence_length: length,
    lengths,
    looked_up_to: looked,
  } = report;
  const passed = (id: string) => hasPassed(report, id);
  const upTo = (longest: number, possible = longest) =>
    lengths
      ? `at ${lengths.filter((asked) => asked <= Math.min(longest, possible)).join(", ")} tokens`
      : `up to ${counted(Math.min(longest, possible), "token")}`;
  const isUnhashed = checks.some(({ id, verdict }) => id === "source" && verdict === "stated");
  return [
    passed("weights") && `every weight and file is as planned from ${original}`,
    passed("lossless") &&
      (lossless
        ? `${upTo(lossless, looked?.compared)} it computes what the original computes`
        : `${upTo(hidden ?? 0, looked?.compared)} its base model computes what the original's does`),
    passed("windows") &&
      `of longer inputs, ${upTo(length?.to ?? looked?.run ?? 0, looked?.run)}, it computes what follows from each window alone`,
    passed("generation") && "it writes what the original writes",
    passed("sweep") &&
      `${upTo(length?.to ?? looked?.run ?? 0, looked?.run)} its outputs are finite and no padding changes them`,
    passed("attention-op") && "its attention is what it is defined to be",
    passed("transformers") && "transformers computes the same",
    checks.some(({ id }) => id === "memory") && "longer inputs were not looked at, for want of memory",
    passed("weights") && lossless === 0 && hidden === 0 && "nothing is promised about the original's outputs",
    passed("weights") && isUnhashed && "the original is what lies there now: no more is known of it",
  ].filter((line): line is string => typeof line === "string");
}
