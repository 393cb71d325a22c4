import { spawnSync } from "node:child_process";
import { findPython, script } from "./environments.js";

/** Passes, training steps and their memory. */
const PARTS = [[], ["--train"], ["--train", "--memory"]] as const;

/** Our modelling code beside lsg-converter's: see modeling_code.py. */
export function benchModelingCode(): void {
  const python = findPython("reference");
  if (!python) return;
  for (const args of PARTS) {
    process.stdout.write(`\nModelling code, BERT base, 1 × 4096 tokens ${args.join(" ")}\n`);
    const env = { ...process.env, ...python.env };
    const { status } = spawnSync(python.command, [script("modeling_code.py"), ...args], {
      env,
      stdio: "inherit",
    });
    if (status !== 0) throw new Error(`modeling_code.py ${args.join(" ")} ended with ${status}`);
  }
}
