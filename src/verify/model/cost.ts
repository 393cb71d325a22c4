import { fileURLToPath } from "node:url";
import type { Device } from "../../base/device-names.js";
import { ownProgram } from "../../base/package.js";
import { makeBatch } from "../../runtime/batch.js";
import { costLengths } from "../../runtime/lengths.js";
import { runProgram } from "../../runtime/run-program.js";
import type { Outcome } from "../check.js";
import type { CostAt } from "../report/report-schema.js";
import type { CostRequest } from "./cost-program.js";
import type { Subject } from "./subject.js";

/**
 * Measures one input of each length, in a process of its own, whose memory is the model's alone. A failure is only
 * stated: a cost is not a verdict.
 * @param program what to run; other than the usual one in tests
 */
export async function measureCost(
  { converted, inputs, lengths, seed, signal }: Subject,
  device: Device,
  program: URL = ownProgram("verify/model/cost-program"),
): Promise<{ outcome: Outcome; costs: CostAt[] }> {
  const { graphPath, longest } = converted;
  const ascending = costLengths(longest, lengths);
  const request: CostRequest = {
    graphPath,
    device,
    inputs: ascending.map((length) => makeBatch([inputs.random(length, seed)], inputs.padId).inputs),
  };
  const { stdout, failure } = await runProgram(process.execPath, [fileURLToPath(program)], {
    input: JSON.stringify(request),
    signal,
  });
  const costs = parseCosts(stdout);
  return { outcome: describe(costs, failure), costs };
}

function describe(costs: readonly CostAt[], failure: string | undefined): Outcome {
  const measured = costs.map(({ length, seconds, megabytes }) => {
    return `${length} tokens ${seconds.toFixed(2)} s, ${megabytes.toFixed(0)} MB`;
  });
  const short = failure === undefined ? [] : [`the process that measures did not end well: ${failure}`];
  return {
    verdict: costs.length > 0 ? "stated" : "skipped",
    detail: [...measured, ...short].join("; "),
  };
}

/** Reads the whole lines of our own program, between which a driver may have written. */
function parseCosts(stdout: string): CostAt[] {
  const lines = stdout.split("\n").slice(0, -1);
  return lines.filter((line) => line.startsWith('{"length"')).map((line) => JSON.parse(line) as CostAt);
}
