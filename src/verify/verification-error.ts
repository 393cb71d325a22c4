import { LsgError } from "../base/errors.js";
import type { VerificationReport } from "./types.js";

/** A conversion that did not pass its verification, and was therefore not put in place. */
export class VerificationError extends LsgError {
  override readonly exitCode = 1;
  readonly report: VerificationReport;

  constructor(report: VerificationReport) {
    super(`${report.converted} was not written: ${report.summary}`);
    this.report = report;
  }
}
