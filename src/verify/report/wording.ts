import type { ConversionRecord } from "../../plan/types.js";
import { counted, formatAgainst, formatNumber } from "../../report/numbers.js";
import type { Check, Verdict } from "../check.js";
import type { FolderVerdict } from "../verdict.js";
import type { VerificationReport } from "./report-schema.js";

/** Verdicts as people read them; they need no colour to be told apart. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: "pass",
  fail: "FAIL",
  stated: "info",
  skipped: "skip",
};

/** In the colour of which check's verdict that of the folder is shown. */
export const SHOWN_AS: Readonly<Record<FolderVerdict, Verdict>> = {
  sound: "pass",
  fine_tuned_since: "stated",
  not_compared: "skipped",
  falls_short: "fail",
};

/** What is known before the first check. */
export type ReportHead = Pick<
  VerificationReport,
  | "converted"
  | "original"
  | "model_type"
  | "architecture"
  | "max_sequence_length"
  | "lossless_up_to"
  | "hidden_states_up_to"
  | "why"
  | "device"
>;

/** What is verified, against what, and where: names with their values; what is not known is left out. */
export function facts(head: ReportHead): (readonly [name: string, value: string])[] {
  const { architecture, model_type, max_sequence_length: length, device } = head;
  const model = architecture && model_type ? `${architecture} (${model_type})` : (architecture ?? model_type);
  const all: (readonly [string, string | null])[] = [
    ["converted", head.converted],
    ["compared with", head.original ?? "nothing"],
    ["model", model],
    ["context", length && `${length.from} → ${length.to} tokens`],
    ["promised", promise(head)],
    ["device", device && [device.name, device.detail].filter((text) => text !== "").join(": ")],
  ];
  return all.filter((fact): fact is readonly [string, string] => fact[1] !== null);
}

function promise({ lossless_up_to, hidden_states_up_to, why }: ReportHead): string | null {
  if (lossless_up_to === null) return null;
  const hidden = hidden_states_up_to ?? lossless_up_to;
  if (lossless_up_to > 0)
    return `the original's outputs for inputs of up to ${counted(lossless_up_to, "token")}`;
  const reason = why === null ? "" : `; ${why}`;
  if (hidden > 0)
    return `its base model's hidden states for inputs of up to ${counted(hidden, "token")}${reason}`;
  return `nothing: ${why ?? "the outputs differ from the original's at every length"}`;
}

/** What a record promises, in a few words. */
export function promiseWords({ lossless_up_to, hidden_states_up_to }: ConversionRecord["promise"]): string {
  return lossless_up_to === 0 && hidden_states_up_to > 0
    ? `hidden states up to ${counted(hidden_states_up_to, "token")}`
    : `lossless up to ${counted(lossless_up_to, "token")}`;
}

/** A check's number, what it may be at most, and the length at which it was measured; empty where there is none. */
export function figureCells({ figure }: Check): readonly [value: string, limit: string, length: string] {
  if (!figure) return ["", "", ""];
  const { value, tolerance, length } = figure;
  return [
    tolerance === undefined ? formatNumber(value) : formatAgainst(value, tolerance),
    tolerance === undefined ? "" : formatNumber(tolerance),
    length === undefined ? "" : formatNumber(length),
  ];
}

/** `9 pass, 1 FAIL, 2 info`: how many checks ended how. */
export function tally(checks: readonly Check[]): string {
  const verdicts = Object.keys(VERDICT_WORDS) as Verdict[];
  return verdicts
    .map((verdict) => [checks.filter((check) => check.verdict === verdict).length, verdict] as const)
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${VERDICT_WORDS[verdict]}`)
    .join(", ");
}
