import { printable, tell } from "../base/printable.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { reportToJson } from "../verify/report/report-schema.js";
import { checkLine, header, printReport, terminalStyle } from "../verify/report/terminal.js";

const CLEAR_LINE = "\r\x1b[K";

/** How a verification is shown: as it goes on one stream, and as JSON. */
export interface Presentation {
  /** A line for each check, and on a terminal what is being looked at. */
  readonly listener: Listener;
  /** What comes after the checks, the verdict last. @param unseen whether nobody saw the checks: failed ones come first */
  conclude(report: VerificationReport, unseen?: boolean): void;
  toJson(report: VerificationReport): unknown;
}

export function presentOn(stream: NodeJS.WriteStream): Presentation {
  const style = terminalStyle(stream, process.env);
  // Written by itself: of texts no such thing comes out of the stream.
  const write = (text: string) => {
    if (stream.isTTY) stream.write(CLEAR_LINE);
    tell(stream, text);
  };
  return {
    listener: {
      onHead: (head) => tell(stream, `${header(head, style)}\n`),
      onStart: (title) => void (stream.isTTY && write(`…  ${printable(title)}`)),
      onCheck: (check) => write(`${checkLine(check, style)}\n`),
    },
    conclude(report, unseen = false) {
      const failed = unseen ? report.checks.filter(({ verdict }) => verdict === "fail") : [];
      tell(stream, failed.map((check) => `${checkLine(check, style)}\n`).join(""));
      tell(stream, `${printReport(report, style)}\n`);
    },
    toJson: reportToJson,
  };
}
