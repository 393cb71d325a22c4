import { type ExecFileException, execFile } from "node:child_process";
import { promisify } from "node:util";
import { systemErrorCode } from "../base/errors.js";

/** Libraries of Python's may say much on stderr. */
const MAX_OUTPUT_BYTES = 64 << 20;

/** How a program is run. */
export interface ProgramOptions {
  /** What it reads on stdin; nothing by default. */
  readonly input?: string | undefined;
  /** Environment variables beside those of this process; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The working directory; by default this process's. */
  readonly cwd?: string | undefined;
  /** Kills it. */
  readonly signal?: AbortSignal | undefined;
}

/** What a program left. */
export interface ProgramResult {
  readonly stdout: string;
  /** Why it did not come to a good end, in a few words; undefined if it did. */
  readonly failure: string | undefined;
}

/**
 * Runs a program to its end. One that is absent or fails is a result, not an error.
 * @throws the signal's reason when it is aborted
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { input = "", env = {}, cwd, signal }: ProgramOptions = {},
): Promise<ProgramResult> {
  signal?.throwIfAborted();
  const running = promisify(execFile)(command, args, {
    env: { ...process.env, ...env },
    cwd,
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
    ...(signal && { signal }),
  });
  // A program that ends before it has read its input closes the pipe; why it ended comes with its result.
  running.child.stdin?.on("error", () => {}).end(input);
  try {
    return { stdout: (await running).stdout, failure: undefined };
  } catch (error) {
    signal?.throwIfAborted();
    const { stdout = "" } = error as ExecFileException;
    return { stdout, failure: whyItFailed(error as ExecFileException) };
  }
}

function whyItFailed(error: ExecFileException): string {
  const { signal, code, stderr = "", message } = error;
  if (systemErrorCode(error) === "ENOENT") return "there is no such program";
  if (signal) return `it was ended by ${signal}`;
  if (typeof code !== "number") return message;
  const said = /^\S*Error\b.*$/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1);
  return `it ended with code ${code}${said ? `: ${said}` : ""}`;
}
