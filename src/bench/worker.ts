import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Device } from "../base/device-names.js";
import type { LimitError } from "../base/errors.js";
import { ownProgram } from "../base/package.js";
import { guard } from "../runtime/guard.js";
import { type Limits, NO_LIMITS } from "../runtime/limits.js";
import type { BenchAnswer, BenchInputs, BenchRequest } from "./program.js";

/** What can be measured, in a process of its own. */
export interface Worker {
  readonly loading: BenchAnswer;
  /** @param limits beyond which the process is ended */
  run(inputs: BenchInputs, limits?: Limits): Promise<BenchAnswer>;
  /** Ends the process. May be called twice. */
  close(): void;
}

/** What each graph is fed with, as far as it has these inputs. */
export const INPUT_NAMES = ["input_ids", "attention_mask", "token_type_ids"] as const;

export interface WorkerOptions {
  /** Environment variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Beyond which it is ended before it has loaded. */
  readonly limits?: Limits | undefined;
}

/** Opens a graph in a process of its own. What goes wrong is an answer. */
export function startGraph(
  graphPath: string,
  device: Device,
  signal?: AbortSignal,
  limits?: Limits,
): Promise<Worker> {
  const program = fileURLToPath(ownProgram("bench/program"));
  const request: BenchRequest = { graphPath, device, inputNames: INPUT_NAMES };
  return startWorker([process.execPath, program], request, { signal, limits });
}

/**
 * Starts a program that answers to lines of JSON on its stdin with such lines on its stdout. What goes wrong is an
 * answer, not an error.
 * @param request what it is told first, so that it loads; then it is told `{inputs}`
 * @throws the signal's reason when it is aborted
 */
export async function startWorker(
  [command, ...args]: readonly [command: string, ...args: string[]],
  request: object,
  { env, signal, limits }: WorkerOptions = {},
): Promise<Worker> {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, ...env },
    ...(signal && { signal, killSignal: "SIGKILL" as const }),
  });
  const ended = new Promise<BenchAnswer>((resolve) => {
    child.once("error", ({ message }) => resolve({ error: message }));
    child.once("close", (code, killed) =>
      resolve({ error: `its process ended ${howItEnded(code, killed)}` }),
    );
  });
  // Who writes to a process that is gone learns why it is gone from `ended`.
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (asked: object, within: Limits = NO_LIMITS): Promise<BenchAnswer> => {
    let beyond: LimitError | undefined;
    const relax = guard(child, within, (error) => {
      beyond = error;
      child.kill("SIGKILL");
    });
    child.stdin.write(`${JSON.stringify(asked)}\n`);
    const answer = (await nextAnswer(lines)) ?? (await ended);
    relax();
    signal?.throwIfAborted();
    return beyond ? { error: `${beyond.message}. ${beyond.remedy}` } : answer;
  };
  return {
    loading: await ask(request, limits),
    run: (inputs, within) => ask({ inputs }, within),
    close: () => void child.kill("SIGKILL"),
  };
}

function howItEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGKILL") return "by SIGKILL, mostly for want of memory";
  return signal ? `by ${signal}` : `with code ${code}`;
}

/** The next line that is an answer: a driver may write between them. Undefined at the end. */
async function nextAnswer(lines: AsyncIterator<string>): Promise<BenchAnswer | undefined> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return undefined;
    if (value.startsWith("{")) return JSON.parse(value) as BenchAnswer;
  }
}
