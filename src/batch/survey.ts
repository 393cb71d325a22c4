import { packageInfo } from "../base/package.js";
import { openSource } from "../checkpoint/open-source.js";
import { recordedSource } from "../plan/conversion-record.js";
import { estimateMemory } from "./memory.js";
import { sourceHash } from "./source-hash.js";
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
  readonly sourceHash: string | undefined;
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
  const hash = source.origin.kind === "folder" ? await sourceHash(source, signal) : undefined;
  const standing: Standing = force
    ? { state: "absent" }
    : await standingOf(job.output, job.options, {
        lsg_version: packageInfo().version,
        source: recordedSource(job.model, source, hash),
      });
  const { origin } = source;
  const download = origin.kind === "hub" ? `${origin.repo}@${origin.revision}` : undefined;
  return { standing, download, sourceHash: hash, memory: await estimateMemory(source, job.options) };
}
