import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { putRight } from "../checkpoint/interrupted/put-right.js";
import { realPlace } from "../checkpoint/interrupted/real-place.js";
import { removeTemporaries } from "../write/temporary.js";

/** The processes of a run that was killed notice it, and tidy up themselves, in less. */
const PATIENCE_MS = 5000;
const POLL_MS = 100;

/** Removes what killed verifications left, in the system's folder for such things and beside outputs. */
export async function tidyTemporaries(outputs: readonly string[]): Promise<void> {
  for (const folder of new Set([tmpdir(), ...outputs.map((output) => dirname(resolve(output)))])) {
    await removeTemporaries(folder);
  }
}

/** Puts right what a killed run left of an output, and waits a little for one that is still ending. */
export async function tidyOutput(output: string, onLine: (text: string) => void): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const living = await putRight(await realPlace(output));
    if (living.length === 0) return;
    if (Date.now() > deadline) {
      for (const { folder, owner } of living)
        onLine(`${folder} is left alone: process ${owner.pid} on ${owner.host} may be writing it.`);
      return;
    }
    await sleep(POLL_MS);
  }
}
