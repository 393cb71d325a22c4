import { vi } from "vitest";
import { main } from "../../src/cli/main.js";
import type { CliResult } from "./cli.js";

/** Runs a command line of the sources in this process: quicker than one of its own, where nothing of that matters. */
export async function runHere(args: readonly string[]): Promise<CliResult> {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((chunk) => {
      written[stream] += chunk;
      return true;
    }),
  );
  try {
    return { code: await main(args), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
