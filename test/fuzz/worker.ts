import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { seedsOf } from "./corpus.js";
import { minimised } from "./minimise.js";
import { inputOf } from "./mutate.js";
import { tryInput } from "./target.js";
import { TARGETS } from "./targets/targets.js";

const YIELD_EVERY = 64;

/** What a worker is told. */
export interface Order {
  readonly name: string;
  readonly seed: number;
  /** The number of its first input. */
  readonly from: number;
  /** As `Date.now()` has it. */
  readonly end: number;
  /** Where it writes the number of the input that it is at: it cannot say so while it hangs. */
  readonly current: SharedArrayBuffer;
}

/** What it says at its end. */
export type Answer =
  | { readonly kind: "end"; readonly runs: number; readonly read: number }
  | { readonly kind: "bug"; readonly index: number; readonly error: string; readonly input: Uint8Array };

/** Runs a target on one input after another, until the time is over or a bug is found. */
async function run({ name, seed, from, end, current }: Order): Promise<Answer> {
  const target = TARGETS[name];
  if (!target) throw new Error(`there is no target ${name}`);
  const seeds = [...seedsOf(name, target).values()];
  const at = new Int32Array(current);
  const folder = await mkdtemp(join(tmpdir(), "lsg-fuzz-"));
  const finish = await target.prepare?.(folder);
  let read = 0;
  try {
    let index = from;
    for (; Date.now() < end; index++) {
      Atomics.store(at, 0, index);
      // Buffers are given back between turns of the event loop, which a target may never leave.
      if (index % YIELD_EVERY === 0) await setImmediate();
      const input = inputOf(target, seeds, { seed, name, index });
      try {
        if (await tryInput(target, input, folder)) read++;
      } catch (error) {
        const small = await minimised(input, error, (smaller) => tryInput(target, smaller, folder));
        return {
          kind: "bug",
          index,
          error: error instanceof Error ? (error.stack ?? "") : String(error),
          input: small,
        };
      }
    }
    return { kind: "end", runs: index - from, read };
  } finally {
    await finish?.();
    await rm(folder, { recursive: true, force: true });
  }
}

parentPort?.postMessage(await run(workerData as Order));
