/**
 * One job of a batch, in a process of its own: if it crashes the others go on, and its memory is freed when it ends. It
 * cleans up and stops when it is told to, and when the batch's process has ended.
 */

import { LsgError } from "../base/errors.js";
import { type Progress, progressOn } from "../base/progress.js";
import { conversionOf } from "../batch/inspect-job.js";
import { type JobAnswer, type JobOrder, STOP } from "../batch/job-messages.js";
import { totalBytes } from "../plan/shards.js";
import type { PushResult } from "../push/push-folder.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { VerificationError } from "../verify/verification-error.js";
import { type ConvertContext, convert } from "./convert.js";

const abort = new AbortController();
const stop = () => abort.abort(new Error("stopped"));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
process.on("disconnect", stop);
process.on("message", async (message: JobOrder | typeof STOP) => {
  if (message === STOP) return stop();
  const answer = await run(message);
  if (process.connected) process.send?.(answer, () => process.disconnect());
});

async function run(order: JobOrder): Promise<JobAnswer> {
  // The batch puts the job's name before each line.
  const progress = progressOn(process.stderr);
  const context = { signal: abort.signal, progress, listener: failuresOn(progress) };
  try {
    return await (order.isUnchanged ? pushAgain(order, context) : convertAndPush(order, context));
  } catch (error) {
    if (abort.signal.aborted) return { status: "stopped" };
    if (!(error instanceof LsgError)) throw error;
    const { message, remedy = null } = error;
    return {
      status: "failed",
      error: { message, remedy },
      ...(error instanceof VerificationError && { verification: await asJson(error.report) }),
    };
  }
}

async function convertAndPush(
  { model, output, options, sourceHashes }: JobOrder,
  context: ConvertContext,
): Promise<JobAnswer> {
  const result = await convert(model, output, options, { ...context, sourceHashes });
  const { plan, comparison, verification, pushed } = result;
  // Only where there is one: it knows ONNX Runtime.
  const compared = comparison ? (await import("./compare-dtypes.js")).comparisonLines(comparison) : [];
  for (const line of compared) context.progress?.step(line);
  const weights = totalBytes(plan.shards);
  return {
    status: "converted",
    conversion: conversionOf(plan.record, weights),
    notes: [...plan.notes, ...compared],
    push: pushed && withoutReport(pushed),
    ...(verification && { verification: await asJson(verification) }),
  };
}

/** A push that failed may be all that an earlier run left undone; one that did not finds nothing to do. */
async function pushAgain(
  { model, output, options, sourceHashes }: JobOrder,
  context: ConvertContext,
): Promise<JobAnswer> {
  const { push } = await import("./push.js");
  // Of a folder the record knows the name only.
  const against = sourceHashes === undefined ? undefined : model;
  const pushed = await push(output, options.pushTo ?? "", { ...options, against }, context);
  return { status: "unchanged", push: withoutReport(pushed) };
}

function withoutReport({ verification: _, ...pushed }: PushResult): Omit<PushResult, "verification"> {
  return pushed;
}

/** A verification in a log of many jobs: that it runs, and what falls short. */
function failuresOn({ step }: Progress): Listener {
  return {
    onHead: ({ device }) => step(`Verifying${device ? ` on ${device.name}` : ""}`),
    onCheck: ({ verdict, title, detail }) => verdict === "fail" && step(`FAIL ${title}: ${detail}`),
  };
}

async function asJson(report: VerificationReport): Promise<NonNullable<JobAnswer["verification"]>> {
  const { reportToJson } = await import("../verify/report/report-schema.js");
  return reportToJson(report);
}
