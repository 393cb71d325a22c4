import { performance } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import type { Device } from "../../base/device-names.js";
import { endWithParent } from "../../runtime/end-with-parent.js";
import { peakMegabytes } from "../../runtime/peak-memory.js";
import { loadRuntime } from "../../runtime/runtime.js";
import { openSession } from "../../runtime/session.js";
import type { NumberTensor } from "../../runtime/tensors.js";
import type { CostAt } from "../report/report-schema.js";

/** What this program reads on stdin, as JSON. */
export interface CostRequest {
  readonly graphPath: string;
  readonly device: Device;
  /** One after the other, longer and longer; those that the graph does not have are passed over. */
  readonly inputs: readonly Readonly<Record<string, NumberTensor>>[];
}

// A program of its own: it prints a `CostAt` in a line for each input, and holds nothing but the model. Since
// lengths rise, the most memory that it has had so far is what the last one needs.
endWithParent();
const { graphPath, device, inputs } = JSON.parse(await text(process.stdin)) as CostRequest;
const session = await openSession(await loadRuntime(), graphPath, { device });
for (const input of inputs) {
  const feeds = Object.fromEntries(
    Object.entries(input).filter(([name]) => session.inputNames.includes(name)),
  );
  // The first run of a length allocates.
  await session.run(feeds);
  const begin = performance.now();
  await session.run(feeds);
  const cost: CostAt = {
    length: input.input_ids?.dims[1] ?? 0,
    seconds: (performance.now() - begin) / 1000,
    megabytes: peakMegabytes(),
  };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
await session.close();
