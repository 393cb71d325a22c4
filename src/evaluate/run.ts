import { performance } from "node:perf_hooks";
import type { DEVICES } from "../base/device-names.js";
import { packageInfo } from "../base/package.js";
import type { Counted } from "../base/progress.js";
import { hashesOf, hashOfHashes, sourceHashes } from "../checkpoint/source-hashes.js";
import { openPredictor, type Predictor } from "../predict/predictor.js";
import { hashOf, type ItemRecord, type Records } from "./records.js";
import type { System } from "./systems.js";
import type { Job } from "./tasks/job.js";

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

/**
 * Asks each system for what the records lack, one system after the other: one model is in memory at a time.
 * @returns in the order of the systems
 */
export async function runJob(
  job: Job,
  systems: readonly System[],
  { records, device, overlap, signal, onStep, onProgress }: RunOptions,
): Promise<SystemRecords[]> {
  const items = job.items.map(hashOf);
  const keys: string[] = [];
  for (const system of systems) {
    onStep?.(`${system.name}: ${system.model}`);
    keys.push(await systemKey(system, { recipe: job.recipe, overlap, device }, signal));
  }
  const missing = keys.map((key) => firstOfEach(items, (item) => !records.find(key, item)));
  let open = missing.reduce((sum, numbers) => sum + numbers.length, 0);
  const begin = performance.now();
  const all = open;
  for (const [i, system] of systems.entries()) {
    const [key, numbers] = [keys[i] as string, missing[i] as number[]];
    if (numbers.length === 0) continue;
    const predictor = await openPredictor(system.model, {
      ...{ device, overlap, signal, onStep, reading: system.reading, dtype: system.dtype },
    });
    try {
      let done = items.length - numbers.length;
      await askAll(job, predictor, numbers, async (number, asked) => {
        await records.add({ system: key, item: items[number] as string, ...asked });
        open--;
        const elapsed = (performance.now() - begin) / 1000;
        const secondsLeft = (elapsed / (all - open)) * open;
        onProgress?.({ name: system.name, done: ++done, total: items.length, secondsLeft });
      });
    } finally {
      await predictor.close();
    }
  }
  return keys.map((key) =>
    items.map((item) => {
      const record = records.find(key, item);
      if (!record) throw new Error("an item was asked for and has no record");
      return record;
    }),
  );
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

async function askAll(
  job: Job,
  predictor: Predictor,
  numbers: readonly number[],
  onAsked: (number: number, asked: Omit<ItemRecord, "system" | "item">) => Promise<void>,
): Promise<void> {
  let [next, since] = [0, performance.now()];
  for await (const asked of job.ask(predictor, numbers)) {
    const now = performance.now();
    // Documents of a batch come together: the first has its time, which is right in sum.
    await onAsked(numbers[next++] as number, { ...asked, seconds: (now - since) / 1000 });
    since = performance.now();
  }
  if (next !== numbers.length) throw new Error(`${next} of ${numbers.length} items were answered`);
}

/** All that decides a system's outcomes, as one hash: its files too, so that a changed model is another one. */
async function systemKey(
  { source, reading, dtype, isSource }: System,
  asked: object,
  signal: AbortSignal | undefined,
): Promise<string> {
  const files = hashOfHashes(await sourceHashes(source, signal));
  const graphs = dtype === "fp32" ? [] : await graphHashes(source, signal);
  return hashOf({ ...asked, version: packageInfo().version, files, graphs, reading, dtype, isSource });
}

async function graphHashes(source: System["source"], signal: AbortSignal | undefined) {
  const paths = [...source.files.keys()].filter((path) => /\.onnx(\.data|_data)?$/.test(path)).sort();
  return hashesOf(source, paths, signal);
}
