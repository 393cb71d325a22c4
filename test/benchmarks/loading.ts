import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spreadOf } from "../../src/bench/statistics.js";
import { startGraph } from "../../src/bench/worker.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { BASE, benchInputs, optimumExport, writeBenchModel } from "./models.js";

const ROUNDS = 5;
/** All of them are read by the original as well. */
const LENGTH = 512;

const CONVERSIONS = {
  "LSG faithful 256/0": {},
  "LSG reference 128/128 norm": { preset: "reference" },
  "Longformer, window 1024": { to: "longformer" },
} as const;

interface Start {
  readonly load: number;
  readonly first: number;
  readonly megabytes: number;
}

/** From a graph's file to a session, and to its first result, each time in a new process: beside optimum's graph. */
export async function benchLoading(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lsg-bench-"));
  try {
    const graphs = await writeGraphs(folder);
    const starts = new Map<string, Start[]>([...graphs.keys()].map((name) => [name, []]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, path] of graphs) {
        const start = await startOnce(name, path);
        if (round >= 0) starts.get(name)?.push(start);
      }
    }
    print(starts);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The graphs as they are shipped, their weights inside; the last is what the others are compared with. */
async function writeGraphs(folder: string): Promise<Map<string, string>> {
  const source = join(folder, "base");
  await writeBenchModel(source, BASE);
  const graphs = new Map<string, string>();
  for (const [name, options] of Object.entries(CONVERSIONS)) {
    const output = join(folder, name.replaceAll(/\W+/g, "-"));
    await convert(source, output, parseConvertOptions({ ...options, onnx: true }));
    graphs.set(name, join(output, "onnx", "model.onnx"));
  }
  const full = join(folder, "full");
  await exportOnnx(source, full, parseExportOptions({}));
  graphs.set("lsg export, full attention", join(full, "onnx", "model.onnx"));
  const optimum = await optimumExport(source, join(folder, "optimum"));
  if (optimum !== undefined) graphs.set("optimum's export, full attention", optimum);
  return graphs;
}

async function startOnce(name: string, path: string): Promise<Start> {
  const worker = await startGraph(path, "cpu");
  try {
    const { loading } = worker;
    const first = await worker.run(benchInputs(1, LENGTH));
    for (const answer of [loading, first]) if ("error" in answer) throw new Error(`${name}: ${answer.error}`);
    if ("error" in loading || "error" in first) throw new Error(name);
    return { load: loading.seconds, first: first.seconds, megabytes: first.megabytes };
  } finally {
    worker.close();
  }
}

function print(starts: ReadonlyMap<string, readonly Start[]>): void {
  const rows = [...starts].map(([name, all]) => {
    const of = (cost: (start: Start) => number) => spreadOf(all.map(cost));
    return {
      name,
      load: of(({ load }) => load),
      first: of(({ first }) => first),
      both: of(({ load, first }) => load + first),
      megabytes: of(({ megabytes }) => megabytes),
    };
  });
  const base = rows.at(-1);
  process.stdout.write(`\nSession creation and the first run of 1 × ${LENGTH} tokens, BERT base, seconds\n`);
  console.table(
    rows.map(({ name, load, first, both, megabytes }) => ({
      "": name,
      session: load.median.toFixed(3),
      "min–max": `${load.min.toFixed(3)}–${load.max.toFixed(3)}`,
      "× last": (load.median / (base?.load.median ?? Number.NaN)).toFixed(2),
      "first run": first.median.toFixed(3),
      "both × last": (both.median / (base?.both.median ?? Number.NaN)).toFixed(2),
      "peak MB": megabytes.max.toFixed(0),
    })),
  );
}
