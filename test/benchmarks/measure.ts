import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { spreadOf } from "../../src/bench/statistics.js";

/** One run of a command, seen from outside. */
export interface Run {
  readonly seconds: number;
  /** Largest resident memory in MB of 10^6 bytes, where the system tells (Linux). */
  readonly peakMegabytes: number | undefined;
}

/** A command to measure, and what to do before each run of it. */
export interface Candidate {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** Environment variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly before?: () => Promise<void>;
}

const POLL_MS = 5;

/**
 * Runs the candidates in turn, so that a machine that becomes slower does so for all of them.
 * The first round warms caches up and does not count.
 */
export async function measure(candidates: readonly Candidate[], rounds: number): Promise<Map<string, Run[]>> {
  const runs = new Map<string, Run[]>(candidates.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { name, before, ...candidate } of candidates) {
      await before?.();
      const run = await runOnce(candidate);
      if (round >= 0) runs.get(name)?.push(run);
    }
  }
  return runs;
}

/** Prints a row for each candidate: median, spread and the ratio to the first one. */
export function printTable(title: string, runs: ReadonlyMap<string, readonly Run[]>): void {
  const spreads = [...runs.values()].map((all) => spreadOf(all.map(({ seconds }) => seconds)));
  const rows = [...runs].map(([name, all], i) => {
    const { median = Number.NaN, min, max } = spreads[i] ?? {};
    const peak = Math.max(...all.map(({ peakMegabytes }) => peakMegabytes ?? Number.NaN));
    return {
      "": name,
      "median s": median.toFixed(3),
      "min–max s": `${min?.toFixed(3)}–${max?.toFixed(3)}`,
      ratio: (median / (spreads[0]?.median ?? Number.NaN)).toFixed(2),
      "peak MB": Number.isNaN(peak) ? "?" : peak.toFixed(0),
    };
  });
  process.stdout.write(`\n${title}\n`);
  console.table(rows);
}

function runOnce({ command: [program, ...args], env }: Pick<Candidate, "command" | "env">): Promise<Run> {
  const begin = performance.now();
  const child = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
  });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  let peak: number | undefined;
  const poll = setInterval(() => {
    peak = peakOf(child.pid) ?? peak;
  }, POLL_MS);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(poll);
      const seconds = (performance.now() - begin) / 1000;
      if (code === 0) resolve({ seconds, peakMegabytes: peak });
      else reject(new Error(`${program} ${args.join(" ")} ended with ${code}:\n${errors}`));
    });
  });
}

/** The kernel keeps the high-water mark, so a late look sees an early peak. */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / 1e6;
  } catch {
    return undefined;
  }
}
