import type { FileHashes } from "../checkpoint/source-hashes.js";
import type { ConvertOptions } from "../options/options.js";
import type { JobResult } from "./types.js";

/** What the process of a job is sent first. */
export interface JobOrder {
  readonly model: string;
  readonly output: string;
  readonly options: ConvertOptions;
  readonly sourceHashes: FileHashes | undefined;
  /** Whether the output is what it would write: it may be left to push. */
  readonly isUnchanged: boolean;
}

export type JobAnswer = Pick<JobResult, "conversion" | "notes" | "verification" | "push" | "error"> & {
  readonly status: "converted" | "unchanged" | "failed" | "stopped";
};

/** Sent to a process that is to leave everything as it was, and end. */
export const STOP = "stop";
