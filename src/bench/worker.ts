import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Device } from "../device-names.js";
import { ownProgram } from "../verify/run-program.js";
import type { NumberTensor } from "../verify/session.js";
import type { BenchAnswer, BenchRequest } from "./program.js";

/** One graph in a process of its own. */
export interface Worker {
  readonly loading: BenchAnswer;
  run(inputs: Readonly<Record<string, NumberTensor>>): Promise<BenchAnswer>;
  /** Ends the process. May be called twice. */
  close(): void;
}

/** Opens a graph; what goes wrong is an answer, not an error. @param signal kills the process */
export async function startWorker(
  graphPath: string,
  device: Device,
  signal: AbortSignal | undefined,
): Promise<Worker> {
  const program = fileURLToPath(ownProgram("../bench/program.js"));
  const child = spawn(process.execPath, [program], {
    stdio: ["pipe", "pipe", "ignore"],
    ...(signal && { signal, killSignal: "SIGKILL" as const }),
  });
  const ended = new Promise<BenchAnswer>((resolve) => {
    child.once("error", ({ message }) => resolve({ error: message }));
    child.once("exit", (code, killed) => {
      const why = killed ? `ended by ${killed}${killed === "SIGKILL" ? ", mostly for want of memory" : ""}` : `ended with code ${code}`;
      resolve({ error: `its process was ${why}` });
    });
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: BenchRequest): Promise<BenchAnswer> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const answer = await Promise.race([nextAnswer(lines), ended]);
    signal?.throwIfAborted();
    return answer ?? ended;
  };
  return {
    loading: await ask({ graphPath, device }),
    run: (inputs) => ask({ inputs }),
    close: () => void child.kill("SIGKILL"),
  };
}

/** The next line that is an answer: a driver may write between them. Undefined at the end. */
async function nextAnswer(lines: AsyncIterator<string>): Promise<BenchAnswer | undefined> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return undefined;
    if (value.startsWith("{")) return JSON.parse(value) as BenchAnswer;
  }
}
