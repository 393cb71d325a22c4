import type { ConvertOptions } from "../options.js";
import type { JobResult } from "./types.js";

/** What the process of a job is sent first. */
export interface JobOrder {
  readonly model: string;
  readonly output: string;
  readonly options: ConvertOptions;
  readonly sourceHash: string | undefined;
}

/** What it answers before it ends. */
export type JobAnswer = Pick<JobResult, "conversion" | "notes" | "verification" | "error"> & {
  readonly status: "converted" | "failed" | "stopped";
};

/** Sent to a process that is to leave everything as it was, and end. */
export const STOP = "stop";
