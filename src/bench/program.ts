import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import type { Device } from "../device-names.js";
import { peakMegabytes } from "../verify/peak-memory.js";
import { loadRuntime } from "../verify/runtime.js";
import { type NumberTensor, openSession, type Session } from "../verify/session.js";

/** What this program is told, a line of JSON each: first which graph, then inputs to run. */
export type BenchRequest =
  | { readonly graphPath: string; readonly device: Device }
  | { readonly inputs: Readonly<Record<string, NumberTensor>> };

/** What it answers to each, in a line. */
export type BenchAnswer =
  | { readonly seconds: number; readonly megabytes: number }
  | { readonly error: string };

// A program of its own, which holds nothing but one graph: so its memory is the graph's, and a graph that the system
// ends for its memory does not take the others along.
let session: Session | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as BenchRequest;
  const answer = await answerTo(request).catch(
    (error: unknown): BenchAnswer => ({ error: error instanceof Error ? error.message : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await session?.close();

async function answerTo(request: BenchRequest): Promise<BenchAnswer> {
  if ("graphPath" in request) {
    const { graphPath, device } = request;
    const runtime = await loadRuntime();
    const begin = performance.now();
    session = await openSession(runtime, graphPath, { device });
    return { seconds: (performance.now() - begin) / 1000, megabytes: peakMegabytes() };
  }
  if (!session) throw new Error("no graph was named");
  const { inputNames } = session;
  const missing = inputNames.find((name) => !(name in request.inputs));
  if (missing !== undefined) {
    throw new Error(`it has an input ${missing}, expected ${Object.keys(request.inputs).join(", ")} at most`);
  }
  const feeds = Object.fromEntries(Object.entries(request.inputs).filter(([name]) => inputNames.includes(name)));
  const begin = performance.now();
  await session.run(feeds);
  return { seconds: (performance.now() - begin) / 1000, megabytes: peakMegabytes() };
}
