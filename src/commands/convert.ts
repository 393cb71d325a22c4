import { basename, join, resolve } from "node:path";
import { packageInfo } from "../base/package.js";
import { type Progress, silent } from "../base/progress.js";
import { openFolder } from "../checkpoint/folder.js";
import { namedFolder } from "../checkpoint/named-folder.js";
import { openSource } from "../checkpoint/open-source.js";
import { type FileHashes, sourceHashes } from "../checkpoint/source-hashes.js";
import { whileUnchanged } from "../checkpoint/watch.js";
import { openWeights } from "../checkpoint/weight-reader.js";
import { type OpenedModel, openModel } from "../model/open.js";
import { type ConvertOptions, resultOptions } from "../options/options.js";
import { recordedSource, withHashes } from "../plan/conversion-record.js";
import { planModel } from "../plan/plan-source.js";
import { totalBytes } from "../plan/shards.js";
import type { ConversionPlan } from "../plan/types.js";
import type { PushResult } from "../push/push-folder.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { checkOutput, writeFolder } from "../write/output-folder.js";
import { writeShard } from "../write/shard-writer.js";
import { writeSideFiles } from "../write/side-files.js";
import type { Comparison } from "./compare-dtypes.js";
import type { Proof } from "./run-test.js";
import { transferOptions } from "./transfer.js";

export interface ConvertContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
  /** Told how far the verification is, where there is one. */
  readonly listener?: Listener | undefined;
  /** Of a folder, to be recorded, where they are known already. */
  readonly sourceHashes?: FileHashes | undefined;
}

export interface ConvertResult {
  /** The folder written, or that would be. */
  readonly output: string;
  readonly plan: ConversionPlan;
  /** The graphs written, with their sizes in bytes. */
  readonly graphs?: Readonly<Record<string, number>> | undefined;
  /** How near graphs that are not in float32 come to it, where there are any. */
  readonly comparison?: Comparison | undefined;
  readonly verification?: VerificationReport | undefined;
  readonly pushed?: PushResult | undefined;
}

/**
 * Converts a checkpoint: plans everything, then writes a whole folder or nothing.
 * @param model a folder or a Hub id
 * @param output the folder to write; by default `./NAME-VARIANT-LENGTH`
 * @throws LsgError for bad input, before anything is written.
 * @throws VerificationError if `runTest` finds that the result falls short; nothing is put in place then.
 */
export async function convert(
  model: string,
  output: string | undefined,
  options: ConvertOptions,
  { signal, progress = silent, listener, ...context }: ConvertContext = {},
): Promise<ConvertResult> {
  // Before a large model is downloaded.
  if (output !== undefined && !options.dryRun) {
    const sourceFolder = resolve(await namedFolder(model));
    await checkOutput(resolve(output), { force: options.force, sourceFolder });
  }
  const source = await openSource(model, { revision: options.revision, signal, onStep: progress.step });
  const transfer = (path: string) => transferOptions(source, path, progress, signal);
  const original = openModel(source, {
    transfer: transfer("pytorch_model.bin"),
    modelType: options.modelType,
  });
  await original.read();
  if (options.runTest && !options.dryRun) await source.watch?.noteContents(signal);
  // The record of a dry run, which reads headers and small files alone, lacks the hashes of a folder.
  let plan = await planModel(original, resultOptions(options), {
    lsg_version: packageInfo().version,
    source: recordedSource(model, source),
  });
  const { to, variant } = { ...plan.record.max_sequence_length, variant: plan.record.variant };
  const target = output ?? `${basename(source.name)}-${variant}-${to}`;
  if (options.dryRun) return { output: target, plan };

  // Only where it is asked for: it loads ONNX Runtime, and refuses a device that is not there.
  const runTest = options.runTest
    ? await (await import("./run-test.js")).openRunTest({
        ...options,
        ...{ original, signal, listener, isSealed: options.pushTo !== undefined },
      })
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
  let proof: Proof | undefined;
  let graphs: ConvertResult["graphs"];
  let comparison: Comparison | undefined;
  await writeFolder(resolve(target), bytes, outputOptions, async (folder) => {
    const write = (stopping: AbortSignal) =>
      writeShards(folder, plan, original, { transfer, signal: stopping, progress });
    const hash = async (stopping: AbortSignal) =>
      context.sourceHashes ?? (origin.kind === "folder" ? sourceHashes(source, stopping) : undefined);
    await whileUnchanged([source], signal, async () => {
      const [, hashes] = await atOnce(write, hash, signal);
      plan = withHashes(plan, hashes);
      await writeSideFiles(folder, plan, source, original.readFile);
    });
    if (options.onnx) {
      // Only here: the graph's libraries take longer to load than a small model to convert.
      const { exportInto } = await import("./export-into.js");
      const converted = openModel(await openFolder(folder), { transfer: { signal } });
      const exported = await exportInto(folder, converted, options, { signal, progress });
      graphs = exported.bytes;
      comparison = exported.comparison;
      exported.notes.forEach(progress.step);
    }
    proof = await runTest?.(await openFolder(folder), target);
  });
  const pushed = await push?.(target, proof);
  return { output: target, plan, graphs, comparison, verification: proof?.report, pushed };
}

interface Writing {
  readonly transfer: Parameters<typeof openWeights>[1];
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Writes the weights of a plan: the only step that moves them. */
async function writeShards(
  folder: string,
  { shards }: ConversionPlan,
  original: OpenedModel,
  { transfer, signal, progress }: Writing,
): Promise<void> {
  const checkpoint = await original.checkpoint();
  const reader = await openWeights(checkpoint, transfer);
  const bar = progress.bytes("Writing", totalBytes(shards));
  try {
    for (const shard of shards) {
      const from = { source: checkpoint.source, reader };
      await writeShard(join(folder, shard.file), shard, from, { signal, onBytes: bar.advance });
    }
  } finally {
    bar.done();
    await reader.close();
  }
}

/**
 * Does two things at the same time. When one fails the other is told to stop, and what failed first is thrown once both
 * have ended.
 */
async function atOnce<A, B>(
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
  signal?: AbortSignal,
): Promise<[A, B]> {
  const failure = new AbortController();
  const either = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  const run = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(either);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  const [a, b] = [run(first), run(second)];
  await Promise.allSettled([a, b]);
  failure.signal.throwIfAborted();
  return [await a, await b];
}
