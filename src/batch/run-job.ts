import { fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { putRight } from "../checkpoint/interrupted/put-right.js";
import { realPlace } from "../checkpoint/interrupted/real-place.js";
import { removeTemporaries } from "../write/temporary.js";
import { type JobAnswer, type JobOrder, STOP } from "./job-messages.js";

/** A conversion that is told to stop removes what it has written: files of gigabytes are gone in less. */
const STOP_GRACE_MS = 20_000;

/** Of what a process said before it ended without an answer; a stack has some ten lines. */
const KEPT_LINES = 20;

export interface JobContext {
  /** What runs one job: reads a `JobOrder` and answers with a `JobAnswer`, as messages. */
  readonly program: URL;
  readonly signal?: AbortSignal | undefined;
  /** Told each line that the job has to say. */
  readonly onLine: (text: string) => void;
}

/** Runs a conversion in a process of its own. One that crashes, or is killed, is a failed job. */
export async function runJob(order: JobOrder, { program, signal, onLine }: JobContext): Promise<JobAnswer> {
  const child = fork(program, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const said: string[] = [];
  const listen = (line: string) => {
    said.push(line);
    if (said.length > KEPT_LINES) said.shift();
    onLine(line);
  };
  const lines = [child.stdout, child.stderr].map((stream) => readLines(stream, listen));
  let answer: JobAnswer | undefined;
  child.on("message", (message) => {
    answer = message as JobAnswer;
  });
  let killed: NodeJS.Timeout | undefined;
  const stop = () => {
    if (child.connected) child.send(STOP, () => {});
    killed = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  };
  signal?.addEventListener("abort", stop);
  try {
    const ended = new Promise<string>((resolve) => {
      child.on("error", ({ message }) => resolve(message));
      child.on("exit", (code, by) => resolve(by ? `was ended by ${by}` : `ended with code ${code}`));
    });
    child.send(order, () => {});
    if (signal?.aborted) stop();
    const end = await ended;
    // What it answered last may still be on its way.
    if (child.connected) await once(child, "disconnect");
    await Promise.all(lines);
    return answer ?? unanswered(end, said, signal?.aborted ?? false);
  } finally {
    signal?.removeEventListener("abort", stop);
    clearTimeout(killed);
  }
}

/** What became of a job whose process ended without a word. */
function unanswered(end: string, said: readonly string[], stopped: boolean): JobAnswer {
  if (stopped) return { status: "stopped" };
  const reason = said.find((line) => /^\S*Error\b/.test(line)) ?? said.at(-1);
  const remedy = end.includes("SIGKILL")
    ? "The system may have run out of memory: run fewer --jobs at a time."
    : "Run the job alone with lsg convert, and report what it says.";
  return {
    status: "failed",
    error: { message: `its process ${end}${reason ? `: ${reason}` : ""}`, remedy },
  };
}

async function readLines(stream: Readable | null, onLine: (line: string) => void): Promise<void> {
  if (!stream) return;
  for await (const line of createInterface({ input: stream })) if (line.trim() !== "") onLine(line);
}

/** The processes of a run that was killed notice it, and tidy up themselves, in less. */
const PATIENCE_MS = 5000;
const POLL_MS = 100;

/** Removes what killed verifications left, in the system's folder for such things and beside outputs. */
export async function removeLeftTemporaries(outputs: readonly string[]): Promise<void> {
  for (const folder of new Set([tmpdir(), ...outputs.map((output) => dirname(resolve(output)))])) {
    await removeTemporaries(folder);
  }
}

/** Puts right what a killed run left of an output, and waits a little for one that is still ending. */
export async function putOutputRight(output: string, onLine: (text: string) => void): Promise<void> {
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
