import { LsgError } from "../base/errors.js";
import type { VerificationReport } from "./report/report-schema.js";

/** What does not come to be where a folder falls short: it is not put in place, or stays where it is. */
export type Refused = "written" | "pushed";

/** A folder that did not pass its verification, and what was therefore not done with it. */
export class VerificationError extends LsgError {
  override readonly exitCode = 1;
  readonly report: VerificationReport;

  constructor(report: VerificationReport, refused: Refused) {
    super(`${report.converted} was not ${refused}: ${report.summary}`);
    this.report = report;
  }
}
