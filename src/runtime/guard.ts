import type { ChildProcess } from "node:child_process";
import { LimitError } from "../base/errors.js";
import { LIMIT_VARIABLES, type Limits } from "./limits.js";
import { watchResident } from "./resident-memory.js";

/**
 * Watches a process while it works on something.
 * @param onBeyond told when it takes more than it may; it is to end the process
 * @returns what ends the watching
 */
export function guard(
  { pid = 0 }: ChildProcess,
  { seconds, bytes }: Limits,
  onBeyond: (error: LimitError) => void,
): () => void {
  const timer = Number.isFinite(seconds)
    ? setTimeout(() => onBeyond(beyond("seconds", seconds)), seconds * 1000)
    : undefined;
  const forget = watchResident(pid, bytes, () => onBeyond(beyond("bytes", bytes)));
  return () => {
    clearTimeout(timer);
    forget();
  };
}

/** How much more is named in a remedy: enough for what is slow or large, and is not an attack. */
const MORE = 4;

function beyond(which: keyof Limits, limit: number): LimitError {
  const variable = LIMIT_VARIABLES[which];
  const amount = which === "seconds" ? limit : limit / 2 ** 30;
  const words = which === "seconds" ? `${round(amount)} seconds` : `${round(amount)} GiB of memory`;
  return new LimitError(
    `it was ended when it had taken ${words}, which is the limit`,
    `If you trust it, raise the limit: ${variable}=${round(MORE * amount)}.`,
  );
}

function round(value: number): number {
  return Number(value.toPrecision(2));
}
