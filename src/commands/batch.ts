import { setMaxListeners } from "node:events";
import { performance } from "node:perf_hooks";
import { LsgError } from "../base/errors.js";
import { bundledProgram } from "../base/package.js";
import { expandJobs } from "../batch/expand.js";
import { type InspectedJob, inspectJob } from "../batch/inspect-job.js";
import { type MemoryGate, memoryGate } from "../batch/memory.js";
import { readJobsFile } from "../batch/read-jobs.js";
import { putOutputRight, removeLeftTemporaries, runJob } from "../batch/run-job.js";
import { jobsOfShard, readShard } from "../batch/shard.js";
import type { BatchReport, Job, JobResult } from "../batch/types.js";
import type { BatchOptions } from "../options/options.js";
import { freeBytes } from "../runtime/free-memory.js";

export interface BatchContext {
  readonly signal?: AbortSignal | undefined;
  /** Where `JOB_COMPLETION_INDEX` is looked for. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Told what a job has to say while it runs. */
  readonly onStep?: ((job: Job, text: string) => void) | undefined;
  readonly onResult?: ((result: JobResult) => void) | undefined;
}

/**
 * Runs the conversions of a jobs file, or of a part of it, some at a time. A job that fails leaves the others alone; one
 * whose output is what it would write is not run again.
 * @throws OptionError if the file is wrong anywhere, before anything is run
 */
export async function batch(
  path: string,
  options: BatchOptions,
  { signal, environment = process.env, onStep, onResult }: BatchContext = {},
): Promise<BatchReport> {
  const begin = performance.now();
  // Each job listens in several places.
  if (signal) setMaxListeners(0, signal);
  const shard = readShard(options.shard, environment);
  const { file, locate } = await readJobsFile(path);
  const jobs = jobsOfShard(expandJobs(file, locate), shard);
  const removeTemporaries = async () => {
    if (!options.dryRun) await removeLeftTemporaries(jobs.map(({ output }) => output));
  };
  await removeTemporaries();

  const gate = memoryGate(freeBytes());
  const downloads = new Map<string, Promise<void>>();
  const results = jobs.map(notRun);
  const queue = jobs.entries();
  const work = async () => {
    for (const [i, job] of queue) {
      if (signal?.aborted) return;
      const { force, dryRun } = options;
      const result = await runToEnd(job, {
        signal,
        gate,
        downloads,
        force,
        dryRun,
        onStep: (text) => onStep?.(job, text),
      });
      results[i] = result;
      onResult?.(result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  // Processes that were just being killed are gone by now.
  await removeTemporaries();
  return {
    format_version: 1,
    jobs_file: path,
    shard: shard ?? null,
    seconds: secondsSince(begin),
    jobs: results,
  };
}

interface RunContext extends Pick<BatchOptions, "force" | "dryRun"> {
  readonly signal: AbortSignal | undefined;
  readonly gate: MemoryGate;
  /** Ends of the first jobs of Hub models: those that come second find the files in the cache. */
  readonly downloads: Map<string, Promise<void>>;
  readonly onStep: (text: string) => void;
}

/** Whatever goes wrong with a job is its result. */
async function runToEnd(job: Job, context: RunContext): Promise<JobResult> {
  const begin = performance.now();
  try {
    const result = await runOrSkip(job, context);
    return { ...notRun(job), ...result, seconds: secondsSince(begin) };
  } catch (error) {
    const seconds = secondsSince(begin);
    if (context.signal?.aborted) return { ...notRun(job), status: "stopped", seconds };
    return { ...notRun(job), status: "failed", seconds, error: describeError(error) };
  }
}

async function runOrSkip(job: Job, context: RunContext): Promise<Partial<JobResult>> {
  const { signal, downloads, force, dryRun, onStep } = context;
  if (!dryRun) await putOutputRight(job.output, onStep);
  const found = await inspectJob(job, { signal, onStep, force });
  const { existing, download } = found;
  if (existing.state === "unchanged" && !pushesAgain(job, dryRun)) {
    return { status: "unchanged", conversion: existing.conversion };
  }
  if (download === undefined) return run(job, found, context);
  const first = downloads.get(download);
  if (first) await first;
  const result = run(job, found, context);
  if (!first) downloads.set(download, result.then(ignore, ignore));
  return result;
}

/** Whether an output that is there may not have arrived on the Hub. A pull request is proposed but once. */
function pushesAgain({ options }: Job, dryRun: boolean): boolean {
  return options.pushTo !== undefined && !options.createPr && !dryRun;
}

async function run(job: Job, found: InspectedJob, context: RunContext): Promise<Partial<JobResult>> {
  const { model, output, options } = job;
  const { existing, sourceHashes, memory } = found;
  const { signal, gate, force, dryRun, onStep } = context;
  const reason = existing.state === "outdated" ? existing.reason : undefined;
  const leave = await gate.enter(memory, signal);
  try {
    if (!dryRun) onStep(reason === undefined ? "started" : `started: ${output} is made again, ${reason}`);
    const orders = { ...options, dryRun, force: force || reason !== undefined };
    const isUnchanged = existing.state === "unchanged";
    const order = { model, output, options: orders, sourceHashes, isUnchanged };
    const answer = await runJob(order, { program: bundledProgram("batch-job"), signal, onStep });
    const isPlan = dryRun && answer.status === "converted";
    const conversion = isUnchanged ? existing.conversion : answer.conversion;
    return { ...answer, conversion, reason, memory, ...(isPlan && { status: "planned" }) };
  } finally {
    leave();
    // A process that was killed could not do it itself.
    if (!dryRun) await putOutputRight(output, onStep);
  }
}

function ignore(): void {}

function notRun({ name, model, output }: Job): JobResult {
  return { name, model, output, status: "not_run", seconds: 0 };
}

function describeError(error: unknown): NonNullable<JobResult["error"]> {
  if (error instanceof LsgError) return { message: error.message, remedy: error.remedy ?? null };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: `this is a bug: ${text}`, remedy: "Please report it." };
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000;
}
