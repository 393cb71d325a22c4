/**
 * One job of a batch, a program of its own: what brings it down leaves the others alone, and its memory is the
 * system's again when it ends. It stops in an orderly way when it is told to, and when the batch is no more.
 */
import { type JobAnswer, type JobOrder, STOP } from "../batch/job-messages.js";
import { conversionOf } from "../batch/standing.js";
import { LsgError } from "../errors.js";
import { shardBytes } from "../plan/shards.js";
import { type Progress, progressOn } from "../progress.js";
import type { Listener } from "../verify/recorder.js";
import { VerificationError } from "../verify/verification-error.js";
import { type ConvertResult, convert } from "./convert.js";

const abort = new AbortController();
const stop = () => abort.abort(new Error("stopped"));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
process.on("disconnect", stop);
process.on("message", async (message: JobOrder | typeof STOP) => {
  if (message === STOP) return stop();
  const answer = await run(message);
  if (process.connected) process.send?.(answer, () => process.disconnect());
});

async function run({ model, output, options, sourceHash }: JobOrder): Promise<JobAnswer> {
  const { signal } = abort;
  try {
    // The batch puts the job's name before each line.
    const progress = progressOn(process.stderr);
    const listener = failuresOn(progress);
    const result = await convert(model, output, options, { signal, progress, listener, sourceHash });
    return {
      status: "converted",
      conversion: conversionOf(result.plan.record, weightsOf(result)),
      notes: result.plan.notes,
      ...(result.verification && { verification: await asJson(result.verification) }),
    };
  } catch (error) {
    if (signal.aborted) return { status: "stopped" };
    if (!(error instanceof LsgError)) throw error;
    const { message, remedy = null } = error;
    return {
      status: "failed",
      error: { message, remedy },
      ...(error instanceof VerificationError && { verification: await asJson(error.report) }),
    };
  }
}

/** A verification in a log of many jobs: that it runs, and what falls short. */
function failuresOn({ step }: Progress): Listener {
  return {
    onHead: ({ device }) => step(`Verifying${device ? ` on ${device.name}` : ""}`),
    onCheck: ({ verdict, title, detail }) => verdict === "fail" && step(`FAIL ${title}: ${detail}`),
  };
}

function weightsOf({ plan: { shards } }: ConvertResult): number {
  return shards.reduce((sum, shard) => sum + shardBytes(shard), 0);
}

async function asJson(report: VerificationError["report"]): Promise<{ summary: string }> {
  const { reportToJson } = await import("../verify/report/report-schema.js");
  return reportToJson(report);
}
