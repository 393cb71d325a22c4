import { packageInfo } from "../base/package.js";
import { openSource } from "../checkpoint/open-source.js";
import { type FileHashes, sourceHashes } from "../checkpoint/source-hashes.js";
import { recordedSource } from "../plan/conversion-record.js";
import { estimateMemory } from "./memory.js";
import { type Standing, standingOf } from "./standing.js";
import type { Job } from "./types.js";

export interface SurveyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLine: (text: string) => void;
  /** Make outputs again whatever is there. */
  readonly force: boolean;
}

/** What is known of a job before it runs. */
export interface Survey {
  readonly standing: Standing;
  /** Of a folder; a Hub model has its commit. */
  readonly sourceHashes: FileHashes | undefined;
  /** Of a Hub model: what is fetched into the cache before it is converted. */
  readonly download: string | undefined;
  /** Bytes that its process is going to take. */
  readonly memory: number;
}

/**
 * Looks at a job's model and at what is in its output's place.
 * @throws LsgError if the model cannot be read, or the output must not be replaced
 */
export async function survey(job: Job, { signal, onLine, force }: SurveyOptions): Promise<Survey> {
  const source = await openSource(job.model, { revision: job.options.revision, signal, onNotice: onLine });
  const hashes = source.origin.kind === "folder" ? await sourceHashes(source, signal) : undefined;
  const standing: Standing = force
    ? { state: "absent" }
    : await standingOf(job.output, job.options, {
        lsg_version: packageInfo().version,
        source: recordedSource(job.model, source, hashes),
      });
  const { origin } = source;
  const download = origin.kind === "hub" ? `${origin.repo}@${origin.revision}` : undefined;
  return { standing, download, sourceHashes: hashes, memory: await estimateMemory(source, job.options) };
}
