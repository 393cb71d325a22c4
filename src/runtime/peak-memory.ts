import { readFileSync } from "node:fs";

/**
 * The most memory that this process had resident, in MB of 10^6 bytes. Linux hands a child the peak of the process that
 * it was forked from, and counts it in `maxRSS`; VmHWM begins anew with the program.
 */
export function peakMegabytes(): number {
  return (peakKibibytes() * 1024) / 1e6;
}

function peakKibibytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS;
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return peak === undefined ? process.resourceUsage().maxRSS : Number(peak);
}
