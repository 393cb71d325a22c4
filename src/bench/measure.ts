import { availableParallelism, cpus, totalmem } from "node:os";
import { CheckpointError } from "../base/errors.js";
import { packageInfo } from "../base/package.js";
import type { DeviceFinding } from "../runtime/devices.js";
import { type Limits, rivalLimits } from "../runtime/limits.js";
import { loadRuntime } from "../runtime/runtime.js";
import type { BenchAnswer, BenchInputs } from "./program.js";
import { spreadOf } from "./statistics.js";
import type { MeasuredGraph, Measurement, Surroundings } from "./types.js";
import type { Worker } from "./worker.js";

export interface Candidate extends Reaching {
  readonly name: string;
  /** Whether another than we may have made it: it may take no more than ours allow for. */
  readonly isStrange?: boolean;
  start(signal: AbortSignal | undefined, limits?: Limits): Promise<Worker>;
}

export interface MeasureOptions {
  /** Ascending. */
  readonly lengths: readonly number[];
  readonly batchSize: number;
  /** Counted runs at a length; one more comes before them. */
  runsAt(length: number): number;
  /** Counted times that each is loaded; one more comes before them, which alone counts where this is 0. */
  readonly loads: number;
  /** Bytes of memory that there are. */
  readonly memory: number;
  inputsAt(length: number): BenchInputs;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

type Cost = Exclude<BenchAnswer, { error: string }>;

interface Runner {
  readonly candidate: Candidate;
  readonly worker: Worker;
  readonly loadSeconds: readonly number[];
  lengths: readonly number[];
  readonly measurements: Measurement[];
  readonly notes: string[];
}

/**
 * Measures all candidates at each length in turn, run by run, so that whatever else the machine does meets them alike.
 * A candidate that fails at a length is not tried at longer ones; why stands in its notes.
 * @throws CheckpointError for one that does not load
 */
export async function measure(
  candidates: readonly Candidate[],
  options: MeasureOptions,
): Promise<MeasuredGraph[]> {
  const runners: Runner[] = [];
  try {
    options.onStep?.(`Loading ${candidates.map(({ name }) => name).join(" and ")}`);
    await load(candidates, options, runners);
    for (const length of options.lengths) {
      options.onStep?.(`${length} tokens`);
      await measureLength(
        runners.filter(({ lengths }) => lengths.includes(length)),
        length,
        options,
      );
      // What has nothing more to do gives its memory back.
      for (const { lengths, worker } of runners) if (!lengths.some((other) => other > length)) worker.close();
    }
  } finally {
    for (const { worker } of runners) worker.close();
  }
  return runners.map(({ candidate: { name }, loadSeconds, measurements, notes }) => ({
    name,
    load_seconds: spreadOf(loadSeconds),
    measurements,
    notes,
  }));
}

/** Loads all in turn, again and again; the last time they stay. */
async function load(
  candidates: readonly Candidate[],
  { lengths, loads, signal, ...limits }: MeasureOptions,
  runners: Runner[],
): Promise<void> {
  const seconds = new Map<Candidate, number[]>();
  let slowest = 0;
  for (let turn = 0; turn <= loads; turn++) {
    for (const candidate of candidates) {
      const worker = await candidate.start(signal, limitsOf(candidate, slowest));
      const { loading } = worker;
      if ("seconds" in loading) slowest = Math.max(slowest, loading.seconds);
      if ("error" in loading || turn < loads) worker.close();
      if ("error" in loading) {
        throw new CheckpointError(`${candidate.name} cannot be loaded: ${loading.error}`);
      }
      const loadSeconds = seconds.get(candidate) ?? [];
      // The first one brings the files into memory.
      if (turn > 0) seconds.set(candidate, [...loadSeconds, loading.seconds]);
      if (turn < loads) continue;
      const reach = reachOf(candidate, lengths, limits);
      runners.push({
        candidate,
        worker,
        loadSeconds: [...loadSeconds, loading.seconds],
        lengths: reach.lengths,
        measurements: [],
        notes: [...reach.notes],
      });
    }
  }
}

/** @param slowest seconds that the slowest of all took so far: of a stranger's, what stayed within its limits */
function limitsOf({ isStrange }: Candidate, slowest: number): Limits | undefined {
  return isStrange ? rivalLimits(slowest) : undefined;
}

/** Every other turn goes the other way round: who runs behind a large one finds caches cold. */
async function measureLength(
  runners: readonly Runner[],
  length: number,
  { inputsAt, runsAt, batchSize }: MeasureOptions,
): Promise<void> {
  const inputs = inputsAt(length);
  const costs = new Map<Runner, Cost[]>(runners.map((runner) => [runner, []]));
  let slowest = 0;
  for (let turn = 0; turn <= runsAt(length); turn++) {
    for (const runner of turn % 2 === 0 ? costs.keys() : [...costs.keys()].reverse()) {
      const answer = await runner.worker.run(inputs, limitsOf(runner.candidate, slowest));
      if ("seconds" in answer) slowest = Math.max(slowest, answer.seconds);
      if ("error" in answer) {
        runner.notes.push(`failed at ${length} tokens: ${answer.error}`);
        runner.lengths = [];
        costs.delete(runner);
      } else if (turn > 0) costs.get(runner)?.push(answer);
    }
  }
  for (const [runner, all] of costs) {
    const seconds = spreadOf(all.map((cost) => cost.seconds));
    runner.measurements.push({
      length,
      seconds,
      tokens_per_second: (batchSize * length) / seconds.median,
      megabytes: Math.max(...all.map(({ megabytes }) => megabytes)),
    });
  }
}

/** A graph that does not run at every length. */
interface Reaching {
  /** Tokens that it reads at most. */
  readonly maxLength: number;
  /** Bytes that one row of a length needs at least, where that may be more than there is. */
  bytesAt?(length: number): number;
}

/** The lengths at which a graph can be run, and a sentence for each reason that leaves others out. */
interface Reach {
  readonly lengths: readonly number[];
  readonly notes: readonly string[];
}

/** @param memory bytes that there are */
export function reachOf(
  { maxLength, bytesAt = () => 0 }: Reaching,
  lengths: readonly number[],
  { batchSize, memory }: { readonly batchSize: number; readonly memory: number },
): Reach {
  const read = lengths.filter((length) => length <= maxLength);
  const unread = lengths.filter((length) => length > maxLength);
  const needed = (length: number) => batchSize * bytesAt(length);
  const tooLarge = read.filter((length) => needed(length) > memory);
  const [first] = tooLarge;
  return {
    lengths: read.filter((length) => !tooLarge.includes(length)),
    notes: [
      ...(first === undefined
        ? []
        : [
            `not run at ${tokens(tooLarge)}: ${first} need about ${gigabytes(needed(first))} of memory, and ` +
              `${gigabytes(memory)} are free`,
          ]),
      ...(unread.length === 0 ? [] : [`not run at ${tokens(unread)}: it reads ${maxLength} at most`]),
    ],
  };
}

function tokens(lengths: readonly number[]): string {
  return `${lengths.join(", ")} tokens`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Where and with what a measurement is made. @throws DeviceError if the runtime is not installed */
export async function surroundings({ name, detail }: DeviceFinding): Promise<Surroundings> {
  const { versions } = (await loadRuntime()).env;
  return {
    device: { name, detail },
    versions: {
      lsg: packageInfo().version,
      node: process.versions.node,
      onnxruntime: versions.node ?? versions.common,
    },
    machine: {
      cpu: cpus()[0]?.model.trim() || process.arch,
      cores: availableParallelism(),
      memory_bytes: totalmem(),
    },
  };
}

/** Bytes that a new process can have. macOS counts as free only what it has no use for at all. */
export function freeMemory(): number {
  return process.platform === "darwin" ? totalmem() : process.availableMemory();
}
