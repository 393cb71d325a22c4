import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { InferenceSession } from "onnxruntime-node";
import { findArchitecture } from "../../src/architectures.js";
import { openCheckpoint } from "../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import type { OnnxFunction } from "../../src/onnx/body.js";
import { defineFunction } from "../../src/onnx/builder.js";
import { copiedWeights } from "../../src/onnx/copied-weights.js";
import { ATTENTION_INPUTS } from "../../src/onnx/functions/attend.js";
import { longformerAttention } from "../../src/onnx/functions/longformer-attention.js";
import { modelGraph } from "../../src/onnx/graph.js";
import { writeModel } from "../../src/onnx/writer.js";
import { describeModel } from "../../src/plan/model.js";
import { type LsgConfig, LsgConfigSchema, presetConfig } from "../../src/variants/lsg-config.js";
import { openWeights } from "../../src/write/weight-reader.js";
import { median } from "./measure.js";
import { BASE, writeBenchModel } from "./models.js";

const MAX_LENGTH = 16384;

/** Rows and lengths, with as many counted runs as patience allows. */
const SHAPES = [
  { batch: 1, length: 16, runs: 15 },
  { batch: 1, length: 128, runs: 11 },
  { batch: 1, length: 512, runs: 9 },
  { batch: 8, length: 512, runs: 5 },
  { batch: 1, length: 1024, runs: 7 },
  { batch: 1, length: 4096, runs: 5 },
  { batch: 4, length: 4096, runs: 3 },
  { batch: 1, length: MAX_LENGTH, runs: 3 },
] as const;

/** Beyond as many tokens full attention needs more memory than it is worth: 12 heads × 16384² scores are 13 GB. */
const MAX_FULL_TOKENS = 4096;

/** A Python with lsg-converter; without it its rows are missing. */
const REFERENCE_PYTHON = process.env.LSG_REFERENCE_PYTHON;
const REFERENCE_SCRIPT = fileURLToPath(new URL("../../../test/bench/reference_forward.py", import.meta.url));

/** What that script runs. */
const REFERENCES = {
  lsg: "lsg-converter 128/128 norm in PyTorch",
  longformer: "transformers' Longformer, window 512, in PyTorch",
} as const;

interface Graph {
  readonly name: string;
  readonly lsg: LsgConfig | undefined;
  readonly attention?: OnnxFunction;
}

/** Linears, norms and GELU alone: what any attention stands on. */
const limit = defineFunction(
  { name: "NoAttention", inputs: ATTENTION_INPUTS, output: "context", doc: "Passes the values on." },
  (op, { value }) => op.Identity(value),
);

/** A Longformer's attention, without global tokens. */
function windows(window: number): OnnxFunction {
  const dilation = new Array<number>(12).fill(1);
  return longformerAttention({ numHeads: 12, headDim: 64, window, dilation, globals: false });
}

const GRAPHS: readonly Graph[] = [
  { name: "limit (no attention)", lsg: undefined, attention: limit },
  { name: "full attention", lsg: undefined },
  { name: "LSG faithful 256/0", lsg: LsgConfigSchema.parse(presetConfig("faithful", 512)) },
  { name: "LSG reference 128/128 norm", lsg: LsgConfigSchema.parse({}) },
  { name: "Longformer, window 512", lsg: undefined, attention: windows(256) },
  { name: "Longformer, window 1024", lsg: undefined, attention: windows(512) },
  { name: "LSG 32/32 norm", lsg: LsgConfigSchema.parse({ block_size: 32, sparse_block_size: 32 }) },
];

/** Forward passes of a base model, every graph in turn at each of these lengths, or at all: seconds and ratios. */
export async function benchAttention(lengths: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lsg-bench-"));
  try {
    await writeBenchModel(folder, { ...BASE, config: { max_position_embeddings: MAX_LENGTH } });
    const sessions = await openSessions(folder);
    for (const shape of SHAPES) {
      if (lengths.length === 0 || lengths.includes(shape.length)) await compare(sessions, shape);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function openSessions(folder: string): Promise<Map<string, InferenceSession>> {
  const ort = await import("onnxruntime-node");
  const checkpoint = await openCheckpoint(await openFolder(folder));
  const model = describeModel(checkpoint, await findArchitecture("bert"));
  const reader = await openWeights(checkpoint, () => ({}));
  const sessions = new Map<string, InferenceSession>();
  for (const { name, lsg, attention } of GRAPHS) {
    const path = join(folder, "graph.onnx");
    // The table of global tokens is missing in an unconverted model; none of these graphs prepends any.
    const config = lsg && { ...lsg, first_token_is_global: true };
    const graph = modelGraph(model, copiedWeights(reader), {
      lsg: config,
      seed: 1,
      ...(attention && { attention }),
    });
    await writeModel(path, graph);
    sessions.set(name, await ort.InferenceSession.create(path));
  }
  await reader.close();
  return sessions;
}

async function compare(
  sessions: ReadonlyMap<string, InferenceSession>,
  { batch, length, runs }: (typeof SHAPES)[number],
): Promise<void> {
  const { Tensor } = await import("onnxruntime-node");
  const ints = (value: (i: number) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from({ length: batch * length }, (_, i) => BigInt(value(i))),
      [batch, length],
    );
  const feeds = {
    input_ids: ints((i) => 1000 + ((i * 7919) % 20000)),
    attention_mask: ints(() => 1),
    token_type_ids: ints(() => 0),
  };
  const times = new Map<string, number[]>();
  for (let run = -1; run < runs; run++) {
    for (const [name, session] of sessions) {
      if (name === "full attention" && batch * length > MAX_FULL_TOKENS) continue;
      const begin = performance.now();
      await session.run(feeds);
      if (run >= 0) times.set(name, [...(times.get(name) ?? []), (performance.now() - begin) / 1000]);
    }
  }
  const base = median(times.get(GRAPHS[0]?.name ?? "") ?? []);
  const rows = [...times].map(([name, all]) => row(name, all, base));
  for (const [model, name] of Object.entries(REFERENCES)) {
    const reference = referenceTimes(model, batch, length);
    if (reference) rows.push(row(name, reference, base));
  }
  process.stdout.write(`\n${batch} × ${length} tokens, BERT base, seconds\n`);
  console.table(rows);
}

function row(name: string, times: readonly number[], base: number) {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    "": name,
    median: median(times).toFixed(3),
    "min–max": `${sorted[0]?.toFixed(3)}–${sorted.at(-1)?.toFixed(3)}`,
    "× limit": (median(times) / base).toFixed(2),
  };
}

/** Three runs of the reference in its own process, right after ours at the same length. */
function referenceTimes(model: string, batch: number, length: number): number[] | undefined {
  if (!REFERENCE_PYTHON || !existsSync(REFERENCE_PYTHON) || batch * length > MAX_FULL_TOKENS)
    return undefined;
  const output = execFileSync(REFERENCE_PYTHON, [REFERENCE_SCRIPT, model, String(batch), String(length)], {
    encoding: "utf8",
  });
  return JSON.parse(output);
}
