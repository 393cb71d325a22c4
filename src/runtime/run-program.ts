import { type ChildProcess, spawn } from "node:child_process";
import { type LimitError, systemErrorCode } from "../base/errors.js";
import { guard } from "./guard.js";
import { type Limits, NO_LIMITS } from "./limits.js";

/** Libraries of Python's may say much on stderr. */
const MAX_OUTPUT_BYTES = 64 << 20;

export interface ProgramOptions {
  /** What it reads on stdin; nothing by default. */
  readonly input?: string | undefined;
  /** Environment variables beside those of this process; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** The working directory; by default this process's. */
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What it may take; by default what it pleases. */
  readonly limits?: Limits | undefined;
}

export interface ProgramResult {
  readonly stdout: string;
  /** Why it did not come to a good end, in a few words; undefined if it did. */
  readonly failure: string | undefined;
}

interface Ending {
  readonly code: number | null;
  readonly by: NodeJS.Signals | null;
  readonly error: Error | undefined;
}

/**
 * Runs a program to its end. One that is absent or fails is a result, not an error. What it has started ends with it,
 * where it is ended.
 * @throws the signal's reason when it is aborted; LimitError if it takes more than it may
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { input = "", env = {}, cwd, signal, limits = NO_LIMITS }: ProgramOptions = {},
): Promise<ProgramResult> {
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    cwd,
    // A group of its own, of which a wrapper's real program is part too.
    detached: process.platform !== "win32",
  });
  let beyond: LimitError | undefined;
  const relax = guard(child, limits, (error) => {
    beyond = error;
    endGroup(child);
  });
  const onAbort = () => endGroup(child);
  signal?.addEventListener("abort", onAbort);
  const [stdout, stderr] = [collect(child, child.stdout), collect(child, child.stderr)];
  // A program that ends before it has read its input closes the pipe; why it ended comes with its result.
  child.stdin.on("error", () => {}).end(input);
  const ending = await new Promise<Ending>((resolve) => {
    child.once("error", (error) => resolve({ code: null, by: null, error }));
    child.once("close", (code, by) => resolve({ code, by, error: undefined }));
  });
  relax();
  signal?.removeEventListener("abort", onAbort);
  signal?.throwIfAborted();
  if (beyond) throw beyond;
  return { stdout: stdout(), failure: whyItFailed(ending, stderr()) };
}

/** Ends a program with all that it has started. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform !== "win32") process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended before.
  }
  child.kill("SIGKILL");
}

/** Keeps what a program prints; one that prints without an end is ended. */
function collect(child: ChildProcess, stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    else endGroup(child);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function whyItFailed({ code, by, error }: Ending, stderr: string): string | undefined {
  if (error) return systemErrorCode(error) === "ENOENT" ? "there is no such program" : error.message;
  if (by) return `it was ended by ${by}`;
  if (code === 0) return undefined;
  const said = /^\S*Error\b.*$/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1);
  return `it ended with code ${code}${said ? `: ${said}` : ""}`;
}
