import { performance } from "node:perf_hooks";
import type { DEVICES } from "../base/device-names.js";
import { isSmall } from "../base/graph-dtypes.js";
import { packageInfo } from "../base/package.js";
import type { Counted } from "../base/progress.js";
import { hashesOf, hashOfHashes, sourceHashes } from "../checkpoint/source-hashes.js";
import { openPredictor } from "../predict/open-predictor.js";
import { hashOf, type ItemRecord, type Records } from "./records.js";
import type { System } from "./systems.js";
import type { Answered, Job } from "./tasks/job.js";

export interface RunOptions {
  readonly records: Records;
  readonly device: (typeof DEVICES)[number];
  /** Tokens that windows of a source share. */
  readonly overlap: number;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
  readonly onProgress?: ((progress: Counted) => void) | undefined;
}

/** What a system made of all items, in their order. */
export type SystemRecords = readonly ItemRecord[];

/** What the systems made of all items, in the systems' order, and what they are held against where that is none of them. */
export interface RunRecords {
  readonly systems: readonly SystemRecords[];
  readonly reference: SystemRecords | undefined;
}

/** One model that is asked in one way. */
interface Turn {
  readonly name: string;
  readonly system: System;
  readonly ask: Job["ask"];
  readonly key: string;
  /** Numbers of the items that the records lack, each once. */
  readonly missing: readonly number[];
}

/** Asks each system for what the records lack, one system after the other: one model is in memory at a time. */
export async function runJob(
  job: Job,
  systems: readonly System[],
  { records, device, overlap, signal, onStep, onProgress }: RunOptions,
): Promise<RunRecords> {
  const items = job.items.map(hashOf);
  const turnOf = async (system: System, name: string, ask: Job["ask"], recipe: string): Promise<Turn> => {
    onStep?.(`${name}: ${system.model}`);
    const key = await systemKey(system, { recipe, overlap, device }, signal);
    return { name, system, ask, key, missing: firstOfEach(items, (item) => !records.find(key, item)) };
  };
  const turns: Turn[] = [];
  const source = systems.find(({ isSource }) => isSource);
  if (job.reference && source) {
    const { name, ask } = job.reference;
    turns.push(await turnOf({ ...source, reading: "cut" }, name, ask, `${job.recipe}, ${name}`));
  }
  for (const system of systems) turns.push(await turnOf(system, system.name, job.ask, job.recipe));
  const all = turns.reduce((sum, { missing }) => sum + missing.length, 0);
  const begin = performance.now();
  let open = all;
  for (const { name, system, ask, key, missing } of turns) {
    if (missing.length === 0) continue;
    const { reading, dtype, maxLength } = system;
    const predictor = await openPredictor(system.model, {
      ...{ device, windowOverlap: overlap, signal, onStep, reading, task: job.task },
      // Infinite where nothing limits it.
      ...(Number.isFinite(maxLength) && { maxLength }),
      dtype: isSmall(dtype) ? dtype : undefined,
      allowNoAnswer: job.allowNoAnswer,
    });
    try {
      let done = items.length - missing.length;
      await eachAnswered(ask(predictor, missing), missing, async (number, answered) => {
        await records.add({ system: key, item: items[number] as string, ...answered });
        open--;
        const elapsed = (performance.now() - begin) / 1000;
        const secondsLeft = (elapsed / (all - open)) * open;
        onProgress?.({ name, done: ++done, total: items.length, secondsLeft });
      });
    } finally {
      await predictor.close();
    }
  }
  const recordsOf = ({ key }: Turn) =>
    items.map((item) => {
      const record = records.find(key, item);
      if (!record) throw new Error("an item was asked for and has no record");
      return record;
    });
  const found = turns.map(recordsOf);
  const own = found.slice(found.length - systems.length);
  return { systems: own, reference: found.length > own.length ? found[0] : undefined };
}

/** Numbers of the items that are wanted; of equal ones the first. */
function firstOfEach(items: readonly string[], isWanted: (item: string) => boolean): number[] {
  const seen = new Set<string>();
  return items.flatMap((item, number) => {
    if (seen.has(item) || !isWanted(item)) return [];
    seen.add(item);
    return [number];
  });
}

/** Takes answers as they come, each with the time since the one before. */
async function eachAnswered(
  answers: AsyncIterable<Answered>,
  numbers: readonly number[],
  onAnswered: (number: number, answered: Omit<ItemRecord, "system" | "item">) => Promise<void>,
): Promise<void> {
  let [next, since] = [0, performance.now()];
  for await (const answered of answers) {
    // Documents of a batch come together: the first has its time, which is right in sum.
    const seconds = (performance.now() - since) / 1000;
    await onAnswered(numbers[next++] as number, { ...answered, seconds });
    since = performance.now();
  }
  if (next !== numbers.length) throw new Error(`${next} of ${numbers.length} items were answered`);
}

/** All that decides a system's outcomes, as one hash: its files too, so that a changed model is another one. */
async function systemKey(
  { source, reading, dtype, isSource, maxLength }: System,
  asked: object,
  signal: AbortSignal | undefined,
): Promise<string> {
  const files = hashOfHashes(await sourceHashes(source, signal));
  const graphs = isSmall(dtype) ? await graphHashes(source, signal) : [];
  return hashOf({
    ...asked,
    version: packageInfo().version,
    files,
    graphs,
    reading,
    dtype,
    isSource,
    maxLength,
  });
}

async function graphHashes(source: System["source"], signal: AbortSignal | undefined) {
  const paths = [...source.files.keys()].filter((path) => /\.onnx(\.data|_data)?$/.test(path)).sort();
  return hashesOf(source, paths, signal);
}
