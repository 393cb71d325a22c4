import { Worker } from "node:worker_threads";
import { CheckpointError } from "../base/errors.js";

/** Plain JavaScript in a text: a thread has no file of its own in the bundle, nor in the sources. */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const { createHash } = require("node:crypto");
const { closeSync, openSync, readSync } = require("node:fs");
const chunk = Buffer.allocUnsafe(1 << 20);
function hashOf(path) {
  const hash = createHash("sha256");
  const file = openSync(path);
  try {
    for (let read; (read = readSync(file, chunk, 0, chunk.length, null)) > 0; ) hash.update(chunk.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest("hex");
}
parentPort.postMessage(workerData.map(hashOf));
`;

/**
 * The SHA-256 of files, in their order, by a thread of its own: beside a conversion, which moves bytes and computes
 * little, hashing takes next to no time where there is a second core.
 * @throws CheckpointError if one of them cannot be read; the signal's reason, once it is aborted
 */
export async function hashInThread(
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  signal?.throwIfAborted();
  // Whatever flags this process was started with: --input-type would make another language of the text.
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: paths });
  const stop = () => void worker.terminate();
  signal?.addEventListener("abort", stop);
  try {
    return await new Promise<string[]>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", ({ message }) =>
        reject(new CheckpointError(`the model cannot be read: ${message}`)),
      );
      worker.once("exit", () => reject(signal?.reason));
    });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
