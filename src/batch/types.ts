import type { ConvertOptions } from "../options/options.js";
import type { Variant } from "../options/schemas.js";
import type { PushResult } from "../push/push-folder.js";
import type { FolderVerdict } from "../verify/verdict.js";
import type { Shard } from "./shard.js";

/** One conversion of a jobs file, its matrix and defaults applied. */
export interface Job {
  readonly name: string;
  readonly model: string;
  /** The folder to write, as it stands in the file. */
  readonly output: string;
  readonly options: ConvertOptions;
}

/**
 * `unchanged`: the output is what the job would write; `planned`: in a dry run, what would be converted; `stopped`: by a
 * signal, nothing of it is left; `not_run`: its turn did not come.
 */
export type JobStatus = "converted" | "unchanged" | "planned" | "failed" | "stopped" | "not_run";

/** What lies in a job's output, or in a dry run would. */
export interface Conversion {
  readonly architecture: string;
  readonly variant: Variant;
  readonly max_sequence_length: { readonly from: number; readonly to: number };
  /** Tokens; 0 where nothing is promised. */
  readonly lossless_up_to: number;
  /** Bytes of the weights. */
  readonly weights: number;
}

/** What became of a job; keys as `--json` prints them. */
export interface JobResult {
  readonly name: string;
  readonly model: string;
  readonly output: string;
  readonly status: JobStatus;
  /** Wall time; 0 where nothing was run. */
  readonly seconds: number;
  /** Why an output that was there is made again. */
  readonly reason?: string | undefined;
  readonly conversion?: Conversion | undefined;
  /** What the user should know of the conversion, a sentence each. */
  readonly notes?: readonly string[] | undefined;
  /** Bytes that it is expected to take while it runs. */
  readonly memory?: number | undefined;
  /** The document of `lsg verify --json`, of a job with `run_test`. */
  readonly verification?: { readonly verdict: FolderVerdict; readonly summary: string } | undefined;
  /** What a job with `push_to` did: the document of `lsg push --json`. */
  readonly push?: Omit<PushResult, "verification"> | undefined;
  readonly error?: { readonly message: string; readonly remedy: string | null } | undefined;
}

/** What `lsg batch --json` prints. */
export interface BatchReport {
  readonly format_version: 1;
  readonly jobs_file: string;
  readonly shard: Shard | null;
  readonly seconds: number;
  readonly jobs: readonly JobResult[];
}
