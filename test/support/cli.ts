import { type SpawnOptions, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const LSG = fileURLToPath(new URL("../../bin/lsg.js", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built `lsg` as a process of its own. @param program where it lies, if elsewhere */
export function lsg(args: readonly string[], options: SpawnOptions = {}, program = LSG): Promise<CliResult> {
  const child = spawn(process.execPath, [program, ...args], {
    ...options,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ["", ""];
    child.stdout?.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
