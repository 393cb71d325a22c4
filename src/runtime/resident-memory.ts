import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

/** How often a process is looked at: a file of Linux's costs microseconds, elsewhere another program is asked. */
const LOOK_MS = process.platform === "linux" ? 50 : 500;

/** What a page of memory is on Linux, where nothing else is known of it: processors with larger ones come out too small. */
const PAGE_BYTES = 4096;

/**
 * Looks at how much memory a process has resident, again and again, from outside: it may be too busy to say.
 * @param onBeyond told once, when it is more than `bytes`
 * @returns what ends it
 */
export function watchResident(pid: number, bytes: number, onBeyond: () => void): () => void {
  if (!Number.isFinite(bytes)) return () => {};
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const look = async () => {
    const resident = await residentBytes(pid);
    if (isOver) return;
    if (resident !== undefined && resident > bytes) onBeyond();
    else timer = setTimeout(look, LOOK_MS);
  };
  timer = setTimeout(look, LOOK_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

/** Bytes that a process has resident; undefined where that cannot be told, mostly because it has ended. */
export async function residentBytes(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): Promise<number | undefined> {
  try {
    if (platform === "linux") return linuxBytes(pid);
    const [program, ...args] =
      platform === "win32"
        ? ["tasklist", "/FI", `PID eq ${pid}`, "/FO", "CSV", "/NH"]
        : ["ps", "-o", "rss=", "-p", String(pid)];
    const { stdout } = await promisify(execFile)(program as string, args);
    return kibibytesIn(stdout, platform);
  } catch {
    return undefined;
  }
}

/** VmRSS of `status`, which is in kB whatever the size of a page; `statm` is what a kernel without it has. */
function linuxBytes(pid: number): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  const pages = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1];
  return pages === undefined ? undefined : Number(pages) * PAGE_BYTES;
}

/** The answer of `ps`, a number; or that of `tasklist`, whose last column is `"12.345 K"` in the system's language. */
export function kibibytesIn(stdout: string, platform: NodeJS.Platform): number | undefined {
  const text = platform === "win32" ? (stdout.trim().split('","').at(-1) ?? "") : stdout;
  const digits = text.replace(/\D/g, "");
  return digits === "" ? undefined : Number(digits) * 1024;
}
