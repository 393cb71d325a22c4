import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import type { InferenceSession } from "onnxruntime-node";
import type { Device } from "../base/device-names.js";
import { endWithParent } from "../runtime/end-with-parent.js";
import { peakMegabytes } from "../runtime/peak-memory.js";
import { loadRuntime } from "../runtime/runtime.js";
import { COMMON_OPTIONS, toTensor } from "../runtime/session.js";
import type { NumberTensor } from "../runtime/tensors.js";

export type BenchInputs = Readonly<Record<string, NumberTensor>>;

/** What this program is told, a line of JSON each: first which graph, and the inputs that there will be; then inputs. */
export type BenchRequest =
  | { readonly graphPath: string; readonly device: Device; readonly inputNames: readonly string[] }
  | { readonly inputs: BenchInputs };

/** What it answers to each, in a line: what it took, and the most memory that the process has had so far. */
export type BenchAnswer =
  | { readonly seconds: number; readonly megabytes: number }
  | { readonly error: string };

endWithParent();

// A program of its own, which holds nothing but one graph: so its memory is the graph's, and a graph that the system
// ends for its memory does not take the others along.
const runtime = await loadRuntime();
let session: InferenceSession | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await answerTo(JSON.parse(line) as BenchRequest).catch(
    (error: unknown): BenchAnswer => ({ error: error instanceof Error ? error.message : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function answerTo(request: BenchRequest): Promise<BenchAnswer> {
  return "graphPath" in request ? open(request) : run(request.inputs);
}

async function open({
  graphPath,
  device,
  inputNames,
}: Extract<BenchRequest, { graphPath: string }>): Promise<BenchAnswer> {
  const begin = performance.now();
  session = await runtime.InferenceSession.create(graphPath, {
    ...COMMON_OPTIONS,
    executionProviders: [device],
  });
  const answer = answerSince(begin);
  const unknown = session.inputNames.find((name) => !inputNames.includes(name));
  if (unknown === undefined) return answer;
  return { error: `it has an input ${unknown}; expected are at most ${inputNames.join(", ")}` };
}

async function run(inputs: BenchInputs): Promise<BenchAnswer> {
  if (!session) throw new Error("no graph was named");
  const feeds = Object.fromEntries(
    session.inputNames.flatMap((name) => {
      const input = inputs[name];
      return input ? [[name, toTensor(runtime, input)]] : [];
    }),
  );
  const begin = performance.now();
  await session.run(feeds);
  return answerSince(begin);
}

function answerSince(begin: number): BenchAnswer {
  return { seconds: (performance.now() - begin) / 1000, megabytes: peakMegabytes() };
}
