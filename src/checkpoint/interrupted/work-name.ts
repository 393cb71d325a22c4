import { createHash, randomBytes } from "node:crypto";

/** What a work folder's name tells. */
export interface WorkName {
  /** What is being written; empty for what the folder lies in. */
  readonly target: string;
  readonly pid: number;
  readonly id: string;
}

/** Bytes that a name grows by: `.partial-`, the number of a process, `-` and twelve digits. */
export const MAX_ADDED_BYTES = 32;

const WORK_NAME = /^(?<target>.*)\.partial-(?<pid>\d{1,10})-(?<id>(?<random>[0-9a-f]{8})[0-9a-f]{4})$/s;

/** A new name for the folder in which something is written before it takes its place. */
export function workName(target: string): WorkName & { readonly name: string } {
  const random = randomBytes(4).toString("hex");
  const id = random + checkOf(target, process.pid, random);
  return { target, pid: process.pid, id, name: `${target}.partial-${process.pid}-${id}` };
}

/** What a folder's name tells if it is such a name: the last digits follow from the others. */
export function parseWorkName(name: string): WorkName | undefined {
  const { target = "", pid, id = "", random = "" } = WORK_NAME.exec(name)?.groups ?? {};
  if (pid === undefined || id !== random + checkOf(target, Number(pid), random)) return undefined;
  return { target, pid: Number(pid), id };
}

function checkOf(target: string, pid: number, random: string): string {
  return createHash("sha256").update(`${target}\n${pid}\n${random}`).digest("hex").slice(0, 4);
}
