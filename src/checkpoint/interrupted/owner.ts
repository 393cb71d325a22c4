import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { systemErrorCode } from "../../base/errors.js";

/** A process, so that others can tell whether it is still there. */
export interface Owner {
  readonly host: string;
  /** Of the running system, and of the processes that see each other in it; empty where a system does not tell. */
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** When it began, in the system's own count: a number is given to another process some day. */
  readonly started: string;
}

export async function self(): Promise<Owner> {
  return {
    host: hostname(),
    boot: await read("/proc/sys/kernel/random/boot_id"),
    namespace: await readlink("/proc/self/ns/pid").catch(() => ""),
    pid: process.pid,
    started: await startOf(process.pid),
  };
}

/** Whether a process is there; undefined where it cannot be looked at: another machine's, or another container's. */
export async function isAlive(owner: Owner): Promise<boolean | undefined> {
  const here = await self();
  const isHere = owner.host === here.host && owner.boot === here.boot && owner.namespace === here.namespace;
  if (!isHere) return undefined;
  return (await isRunning(owner.pid)) && (await startOf(owner.pid)) === owner.started;
}

/** Whether there is a process of this number that has not ended; it may be another one by now. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    return (await startOf(pid)) !== ENDED;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}

const ENDED = "ended";

/** proc(5): the 22nd field of `stat`; the second is the program's name in brackets, and may hold any of them. */
async function startOf(pid: number): Promise<string> {
  const stat = await read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A process that has ended and that nobody has asked about yet is still listed.
  return fields[0] === "Z" ? ENDED : (fields[19] ?? "");
}

function read(path: string): Promise<string> {
  return readFile(path, "utf8").then(
    (text) => text.trim(),
    () => "",
  );
}
