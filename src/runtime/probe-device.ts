import { tmpdir } from "node:os";
import type { Device } from "../base/device-names.js";
import { createGraph } from "../onnx/builder.js";
import { modelBytes } from "../onnx/writer.js";
import { makeTemporary, removeTemporary } from "../write/temporary.js";
import { missingFor, type Shortcoming } from "./device-requirements.js";
import { thisMachine } from "./machine.js";
import type { NodeShare } from "./node-shares.js";
import { loadRuntime } from "./runtime.js";
import { openSession } from "./session.js";

export type ProbeResult =
  | { readonly shares: readonly NodeShare[] }
  | { readonly error: string; readonly missing: readonly Shortcoming[] };

// A program of its own, `probe-device.js DEVICE`: a faulty driver ends the process that opens it, and drivers
// write to stderr as they please.
const device = process.argv[2] as Device;
process.stdout.write(JSON.stringify(await probe()));

async function probe(): Promise<ProbeResult> {
  try {
    return { shares: await runAddition() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { error: reasonIn(message), missing: missingFor(device, thisMachine()) };
  }
}

/** An addition is what every provider knows, whatever the shapes. */
async function runAddition(): Promise<NodeShare[]> {
  const graph = createGraph("probe");
  const x = graph.input("x", "F32", [2]);
  graph.output("y", graph.op.Add(x, x), "F32", [2]);
  const runtime = await loadRuntime();
  // The caller reads stderr.
  runtime.env.logLevel = "error";
  const profile = await makeTemporary(tmpdir(), "profile");
  try {
    const session = await openSession(runtime, await modelBytes(graph.model()), {
      device,
      profile,
      threads: 1,
    });
    const { y } = await session.run({ x: { dims: [2], values: [1, 2.5], dtype: "float32" } });
    if (y?.values.join() !== "2,5")
      throw new Error(`1 + 1 and 2.5 + 2.5 came out as ${y?.values.join(" and ")}`);
    const shares = await session.nodeShares();
    await session.close();
    return shares;
  } finally {
    await removeTemporary(profile);
  }
}

/** Without the place in the runtime's source that its messages begin with. */
function reasonIn(message: string): string {
  return message.replace(/^.* was false\. /s, "").split("\n")[0] ?? "";
}
