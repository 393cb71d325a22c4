/**
 * `npm run fuzz [-- TARGET…] [--seconds N] [--seed S]`: changes the seeds of each target in ways that the seed decides,
 * and reads them. What is not read has to be refused by name, within bounds of time and memory. Without targets each has
 * an equal part of the time. An input with which something else happens is kept in fuzz-found/, and the exit code is 1.
 */

import { randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { seedsOf } from "./corpus.js";
import { inputOf } from "./mutate.js";
import { TARGETS } from "./targets/targets.js";
import type { Answer, Order } from "./worker.js";

/** For one input of a quarter of a megabyte: what is linear takes a thousandth. */
const MAX_SECONDS = 20;
const MAX_HEAP_MB = 512;
/** More than before the target, buffers included. */
const MAX_RESIDENT = 2 ** 30;

const FOUND = "fuzz-found";
const POLL_MS = 100;

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(randomInt(2 ** 31)) },
  },
  allowPositionals: true,
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
const unknown = positionals.filter((name) => !Object.hasOwn(TARGETS, name));
if (unknown.length > 0 || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    `fuzz [TARGET…] [--seconds N] [--seed S]; targets: ${Object.keys(TARGETS).join(", ")}\n`,
  );
  process.exit(2);
}
const names = positionals.length > 0 ? positionals : Object.keys(TARGETS);
for (const name of names) {
  if (!(await fuzz(name, (seconds * 1000) / names.length))) process.exitCode = 1;
}

/** Runs one target. @returns whether nothing was found */
async function fuzz(name: string, milliseconds: number): Promise<boolean> {
  const current = new SharedArrayBuffer(4);
  const workerData: Order = { name, seed, from: 0, end: Date.now() + milliseconds, current };
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  const at = new Int32Array(current);
  let [last, since, excess] = [-1, Date.now(), ""];
  const before = process.memoryUsage.rss();
  const watch = setInterval(() => {
    const index = Atomics.load(at, 0);
    if (index !== last) [last, since] = [index, Date.now()];
    if (Date.now() - since > MAX_SECONDS * 1000) excess = `took more than ${MAX_SECONDS} s`;
    if (process.memoryUsage.rss() - before > MAX_RESIDENT) excess = `took more than ${MAX_RESIDENT} bytes`;
    if (excess !== "") void worker.terminate();
  }, POLL_MS);
  const answer = await new Promise<Answer | string>((resolve) => {
    worker.on("message", resolve);
    worker.on("error", (error) => resolve(error.stack ?? error.message));
    worker.on("exit", () => resolve(excess || "ended without an answer"));
  });
  clearInterval(watch);
  await worker.terminate();
  if (typeof answer !== "string" && answer.kind === "end") {
    process.stdout.write(
      `${name}: ${answer.runs} inputs, ${answer.read} read, the others refused by name (seed ${seed})\n`,
    );
    return true;
  }
  const index = typeof answer === "string" ? Atomics.load(at, 0) : answer.index;
  mkdirSync(FOUND, { recursive: true });
  const path = join(FOUND, `${name}-${seed}-${index}`);
  writeFileSync(path, typeof answer === "string" ? whole(name, index) : answer.input);
  const error = typeof answer === "string" ? answer : answer.error;
  process.stdout.write(`${name}: FOUND with input ${index} of seed ${seed}, kept as ${path}\n${error}\n`);
  return false;
}

function whole(name: string, index: number): Buffer {
  const target = TARGETS[name]!;
  return inputOf(target, [...seedsOf(name, target).values()], { seed, name, index });
}
