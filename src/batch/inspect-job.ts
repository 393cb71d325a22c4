import { readdir } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { LsgError, OutputError } from "../base/errors.js";
import { packageInfo } from "../base/package.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { openFolder } from "../checkpoint/folder.js";
import { graphPaths } from "../checkpoint/graph-files.js";
import { refuseUnfinished } from "../checkpoint/interrupted/put-right.js";
import { openSource } from "../checkpoint/open-source.js";
import { type FileHashes, sourceHashes } from "../checkpoint/source-hashes.js";
import { openModel } from "../model/open.js";
import { type ConversionOptions, parseRecordedOptions, recordedOptions } from "../options/options.js";
import { RECORD_FILE, readRecord, recordedSource } from "../plan/conversion-record.js";
import type { ConversionRecord, Provenance } from "../plan/types.js";
import { LOST_AND_FOUND } from "../write/target.js";
import { estimateMemory, weightBytes } from "./memory.js";
import type { Conversion, Job } from "./types.js";

/** How an output stands: `unchanged` is what the job would write, `outdated` what lsg wrote from something else. */
export type OutputState =
  | { readonly state: "absent" }
  | { readonly state: "unchanged"; readonly conversion: Conversion }
  | { readonly state: "outdated"; readonly reason: string };

/**
 * Compares what is in an output's place with what a job would write there, by what `lsg_conversion.json` says of source,
 * options and lsg. Weights are not read, but the folder must be whole.
 * @param expected what the job's record would say of lsg and of the source
 * @throws OutputError if something is there that lsg did not write; CheckpointError if it is being written
 */
export async function outputState(
  output: string,
  options: ConversionOptions,
  expected: Provenance,
): Promise<OutputState> {
  const entries = await readdir(output).catch((): string[] => []);
  if (entries.every((name) => name === LOST_AND_FOUND)) return { state: "absent" };
  await refuseUnfinished(output);
  if (!entries.includes(RECORD_FILE)) {
    throw new OutputError(
      `${output} exists, and lsg did not write it: it has no ${RECORD_FILE}`,
      "Name another output, or add --force to replace a model.",
    );
  }
  const folder = await openFolder(output);
  try {
    const record = await readRecord(folder);
    const reason = difference(record, options, expected) ?? (await damage(folder, options));
    if (reason !== undefined) return { state: "outdated", reason };
    return { state: "unchanged", conversion: conversionOf(record, weightBytes(folder)) };
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { state: "outdated", reason: `it is damaged: ${error.message}` };
  }
}

/** What a record says was converted. @param weights bytes */
export function conversionOf(record: ConversionRecord, weights: number): Conversion {
  const { architecture, variant, max_sequence_length, promise } = record;
  return { architecture, variant, max_sequence_length, lossless_up_to: promise.lossless_up_to, weights };
}

/** Why an output is not what a job would write, by its record; undefined if it is. */
function difference(
  record: ConversionRecord,
  options: ConversionOptions,
  { lsg_version, source }: Provenance,
): string | undefined {
  if (record.lsg_version !== lsg_version) return `lsg ${record.lsg_version ?? "of another version"} wrote it`;
  if (record.source.model !== source.model) return `it was made from ${record.source.model}`;
  if (!isDeepStrictEqual(record.source, source)) return "the model has changed";
  const changed = changedOptions(record, options);
  if (changed.length > 0) return `other options: ${changed.join(", ")}`;
  return undefined;
}

/** What a whole folder has and this one lacks. @throws CheckpointError if its weights are cut short or missing */
async function damage(folder: FileSource, { onnx }: ConversionOptions): Promise<string | undefined> {
  await openModel(folder).found();
  const missing = onnx?.find((dtype) => !graphPaths(dtype).some((path) => folder.files.has(path)));
  return missing && `its graph in ${missing} is missing`;
}

/** Options that differ from the recorded ones, with both values. */
function changedOptions({ options: recorded }: ConversionRecord, options: ConversionOptions): string[] {
  const [before, now] = [flat(parseRecordedOptions(recorded)), flat(options)];
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((key) => !isDeepStrictEqual(before[key], now[key]))
    .map((key) => `${key} ${shown(before[key])} → ${shown(now[key])}`);
}

function flat(options: ConversionOptions): Readonly<Record<string, unknown>> {
  const { lsg, ...others } = recordedOptions(options);
  return { ...others, ...lsg };
}

function shown(value: unknown): string {
  return value === undefined ? "by default" : JSON.stringify(value);
}

interface InspectionOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLine: (text: string) => void;
  /** Make outputs again whatever is there. */
  readonly force: boolean;
}

/** What is known of a job before it runs. */
export interface InspectedJob {
  readonly existing: OutputState;
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
export async function inspectJob(
  job: Job,
  { signal, onLine, force }: InspectionOptions,
): Promise<InspectedJob> {
  const source = await openSource(job.model, { revision: job.options.revision, signal, onNotice: onLine });
  const hashes = source.origin.kind === "folder" ? await sourceHashes(source, signal) : undefined;
  const existing: OutputState = force
    ? { state: "absent" }
    : await outputState(job.output, job.options, {
        lsg_version: packageInfo().version,
        source: recordedSource(job.model, source, hashes),
      });
  const { origin } = source;
  const download = origin.kind === "hub" ? `${origin.repo}@${origin.revision}` : undefined;
  return { existing, download, sourceHashes: hashes, memory: await estimateMemory(source, job.options) };
}
