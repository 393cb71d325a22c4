import { basename, join, resolve } from "node:path";
import { packageInfo } from "../base/package.js";
import { type Progress, silent } from "../base/progress.js";
import type { TransferOptions } from "../checkpoint/file-source.js";
import { openFolder } from "../checkpoint/folder.js";
import { openSource } from "../checkpoint/open-source.js";
import { whileUnchanged } from "../checkpoint/watch.js";
import { openWeights } from "../checkpoint/weight-reader.js";
import { type ReadCheckpoint, readCheckpoint, readerOf } from "../model/open.js";
import { type ConvertOptions, decisiveOptions } from "../options/options.js";
import { recordedSource } from "../plan/conversion-record.js";
import { planCheckpoint } from "../plan/plan-source.js";
import { totalBytes, untouchedFile } from "../plan/shards.js";
import type { ConversionPlan } from "../plan/types.js";
import type { PushResult } from "../push/push-folder.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/types.js";
import { checkOutput, writeFolder } from "../write/output-folder.js";
import { copyShard, writeShard } from "../write/shard-writer.js";
import { writeSideFiles } from "../write/side-files.js";
import { openTarget } from "../write/target.js";
import type { Comparison } from "./compare-dtypes.js";
import { transferOptions } from "./transfer.js";

export interface ConvertContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
  /** Told how far the verification is, where there is one. */
  readonly listener?: Listener | undefined;
  /** Of a folder, to be recorded, so that a later run can tell whether it has changed. */
  readonly sourceHash?: string | undefined;
}

export interface ConvertResult {
  /** The folder written, or that would be. */
  readonly output: string;
  readonly plan: ConversionPlan;
  /** The graphs written, with their sizes in bytes. */
  readonly graphs?: Readonly<Record<string, number>> | undefined;
  /** How near graphs that are not in float32 come to it, where there are any. */
  readonly comparison?: Comparison | undefined;
  /** What `runTest` found. */
  readonly verification?: VerificationReport | undefined;
  /** What `pushTo` did. */
  readonly pushed?: PushResult | undefined;
}

/**
 * Converts a checkpoint: plans everything, then writes a whole folder or nothing.
 * @param model a folder or a Hub id
 * @param output the folder to write; by default `./NAME-lsg-LENGTH`
 * @throws LsgError for bad input, before anything is written.
 * @throws VerificationError if `runTest` finds that the result falls short; nothing is put in place then.
 */
export async function convert(
  model: string,
  output: string | undefined,
  options: ConvertOptions,
  { signal, progress = silent, listener, sourceHash }: ConvertContext = {},
): Promise<ConvertResult> {
  // Before a large model is downloaded.
  if (output !== undefined && !options.dryRun) await openTarget(resolve(output), options);
  const source = await openSource(model, { revision: options.revision, signal, onNotice: progress.step });
  const transfer = (path: string) => transferOptions(source, path, progress, signal);
  const read = await readCheckpoint(source, transfer("pytorch_model.bin"), options.modelType);
  if (options.runTest && !options.dryRun) await source.watch?.noteContents(signal);
  const plan = await planCheckpoint(read, decisiveOptions(options), {
    lsg_version: packageInfo().version,
    source: recordedSource(model, source, sourceHash),
  });
  const { to, variant } = { ...plan.record.max_sequence_length, variant: plan.record.variant };
  const target = output ?? `${basename(source.name)}-${variant}-${to}`;
  if (options.dryRun) return { output: target, plan };

  // Only where it is asked for: it loads ONNX Runtime, and refuses a device that is not there.
  const runTest = options.runTest
    ? await (await import("./run-test.js")).openRunTest({ ...options, read, signal, listener })
    : undefined;
  const push = options.pushTo
    ? await (await import("./push.js")).openPushTo(options.pushTo, options, { signal, progress })
    : undefined;
  const { origin } = source;
  const outputOptions = {
    force: options.force,
    sourceFolder: origin.kind === "folder" ? origin.path : undefined,
  };
  await checkOutput(resolve(target), outputOptions);
  const bytes = totalBytes(plan.shards);
  let verification: VerificationReport | undefined;
  let graphs: ConvertResult["graphs"];
  let comparison: Comparison | undefined;
  await writeFolder(resolve(target), bytes, outputOptions, async (folder) => {
    const writing = { plan, bytes, progress, signal, transfer };
    await whileUnchanged([source], signal, () => writeConverted(folder, read, writing));
    if (options.onnx) {
      // Only here: the graph's libraries take longer to load than a small model to convert.
      const { exportInto } = await import("./export-into.js");
      const exported = await exportInto(folder, await openFolder(folder), options, { signal, progress });
      graphs = exported.bytes;
      comparison = exported.comparison;
      exported.notes.forEach(progress.step);
    }
    verification = await runTest?.(await openFolder(folder), target);
  });
  const pushed = await push?.(target, verification);
  return { output: target, plan, graphs, comparison, verification, pushed };
}

interface Writing extends Pick<ConvertContext, "signal"> {
  readonly plan: ConversionPlan;
  /** Of the weights. */
  readonly bytes: number;
  readonly progress: Progress;
  readonly transfer: (path: string) => TransferOptions;
}

/** Writes config, weights and small files: all that is made of the source's own. */
async function writeConverted(
  folder: string,
  read: ReadCheckpoint,
  { plan, bytes, progress, signal, transfer }: Writing,
): Promise<void> {
  const { source } = read.checkpoint;
  await writeSideFiles(folder, plan, source, readerOf(read));
  const weights = await openWeights(read.checkpoint, transfer);
  const bar = progress.bytes("Writing", bytes);
  try {
    for (const shard of plan.shards) {
      const path = join(folder, shard.file);
      const untouched = untouchedFile(shard, read.checkpoint);
      const writing = { signal, onBytes: bar.advance };
      await (untouched === undefined
        ? writeShard(path, shard, weights, writing)
        : copyShard(path, untouched, source, writing));
    }
  } finally {
    bar.done();
    await weights.close();
  }
}
