import type { Device } from "../device-names.js";
import type { NumberTensor } from "../verify/session.js";
import type { BenchAnswer } from "./program.js";
import type { MeasuredGraph, Measurement } from "./types.js";
import { startWorker, type Worker } from "./worker.js";

/** A graph to be measured. */
export interface Candidate {
  readonly name: string;
  readonly graphPath: string;
  /** Tokens that it reads at most. */
  readonly longest: number;
  /** Bytes that one input of a length needs at least, where that may be more than there is. */
  bytesAt?(length: number): number;
}

export interface MeasureOptions {
  readonly device: Device;
  /** Ascending. */
  readonly lengths: readonly number[];
  readonly batchSize: number;
  /** Counted runs; one more comes before them. */
  readonly runs: number;
  /** Bytes of memory that may be used. */
  readonly memory: number;
  inputsAt(length: number): Readonly<Record<string, NumberTensor>>;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

/** A candidate while it is measured. */
interface Runner {
  readonly candidate: Candidate;
  readonly worker: Worker;
  readonly measurements: Measurement[];
  readonly notes: string[];
  broken: boolean;
}

/**
 * Runs all candidates at each length in turn, run by run, so that whatever else the machine does meets them alike.
 * Candidates take turns in beginning, since who runs behind a large one finds caches cold.
 */
export async function measure(
  candidates: readonly Candidate[],
  options: MeasureOptions,
): Promise<MeasuredGraph[]> {
  const { device, lengths, signal, onStep } = options;
  const runners: Runner[] = [];
  try {
    for (const candidate of candidates) {
      onStep?.(`Loading ${candidate.name}`);
      const worker = await startWorker(candidate.graphPath, device, signal);
      const error = "error" in worker.loading ? [`it does not load: ${worker.loading.error}`] : [];
      runners.push({ candidate, worker, measurements: [], notes: error, broken: error.length > 0 });
    }
    for (const length of lengths) {
      onStep?.(`${length} tokens`);
      await measureLength(runners.filter((runner) => canRun(runner, length, options)), length, options);
    }
  } finally {
    for (const { worker } of runners) worker.close();
  }
  return runners.map(({ candidate: { name }, worker: { loading }, measurements, notes }) => ({
    name,
    load_seconds: "error" in loading ? Number.NaN : loading.seconds,
    measurements,
    notes,
  }));
}

/** Whether a length is worth trying; where not, it is noted, for a limit of memory once. */
function canRun(
  { candidate, notes, broken }: Runner,
  length: number,
  { memory, batchSize }: MeasureOptions,
): boolean {
  if (broken) return false;
  if (length > candidate.longest) {
    notes.push(`${length} tokens are more than the ${candidate.longest} that it reads`);
    return false;
  }
  const bytes = batchSize * (candidate.bytesAt?.(length) ?? 0);
  if (bytes <= memory) return true;
  const gigabytes = (count: number) => `${(count / 1e9).toFixed(1)} GB`;
  notes.push(`${length} tokens need more than ${gigabytes(bytes)}, and there are ${gigabytes(memory)}`);
  return false;
}

async function measureLength(
  runners: readonly Runner[],
  length: number,
  { inputsAt, runs, batchSize }: MeasureOptions,
): Promise<void> {
  const inputs = inputsAt(length);
  const answers = new Map<Runner, Exclude<BenchAnswer, { error: string }>[]>();
  for (let run = -1; run < runs; run++) {
    const order = run % 2 === 0 ? runners : [...runners].reverse();
    for (const runner of order) {
      if (runner.broken) continue;
      const answer = await runner.worker.run(inputs);
      if ("error" in answer) {
        runner.notes.push(`at ${length} tokens ${answer.error}`);
        runner.broken = true;
      } else if (run >= 0) answers.set(runner, [...(answers.get(runner) ?? []), answer]);
    }
  }
  for (const [runner, own] of answers) {
    if (runner.broken) continue;
    const seconds = own.map((answer) => answer.seconds).sort((a, b) => a - b);
    const median = medianOf(seconds);
    runner.measurements.push({
      length,
      seconds: { median, min: seconds[0] ?? Number.NaN, max: seconds.at(-1) ?? Number.NaN },
      tokens_per_second: (batchSize * length) / median,
      megabytes: Math.max(...own.map(({ megabytes }) => megabytes)),
    });
  }
}

/** @param sorted ascending, not empty */
export function medianOf(sorted: readonly number[]): number {
  const upper = sorted[sorted.length >> 1] ?? Number.NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  return (lower + upper) / 2;
}
