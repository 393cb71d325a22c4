import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LsgConfigSchema, presetConfig } from "../../src/attention/lsg-config.js";
import { type Attention, FULL } from "../../src/attention/variants.js";
import type { GraphDtype } from "../../src/base/graph-dtypes.js";
import { type Candidate, freeMemory, measure } from "../../src/bench/measure.js";
import type { MeasuredGraph } from "../../src/bench/types.js";
import { startGraph, startWorker } from "../../src/bench/worker.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import type { Model } from "../../src/model/model.js";
import { openModel } from "../../src/model/open.js";
import { defineFunction, type OnnxModel } from "../../src/onnx/builder.js";
import { weightsIn } from "../../src/onnx/dtype-weights.js";
import { encode } from "../../src/onnx/encoder.js";
import { ATTENTION_INPUTS } from "../../src/onnx/functions/attend.js";
import { modelGraph } from "../../src/onnx/graph.js";
import { buildModel } from "../../src/onnx/model-builder.js";
import { encoderAttention } from "../../src/onnx/variants.js";
import type { WeightSource } from "../../src/onnx/weights.js";
import { openWorkspace, type Workspace } from "../../src/runtime/workspace.js";
import { type EnvironmentName, findPython, script } from "./environments.js";
import { BASE, benchInputs, optimumExport, writeBenchModel } from "./models.js";

const MAX_LENGTH = 16384;

/** Beyond as many tokens full attention needs more memory than it is worth: 12 heads × 16384² scores are 13 GB. */
const MAX_FULL_TOKENS = 4096;

/** Lengths of one row with as many counted runs as patience allows. */
const RUNS: ReadonlyMap<number, number> = new Map([
  [16, 15],
  [128, 11],
  [512, 9],
  [1024, 7],
  [4096, 5],
  [MAX_LENGTH, 3],
]);
const DEFAULT_RUNS = 5;

/** Several rows of one length. */
const BATCHES = [
  { batchSize: 8, length: 512, runs: 5 },
  { batchSize: 4, length: 4096, runs: 3 },
] as const;

/** A process of a base model keeps some 4 GB after as many tokens in a batch: then a few take turns at a time. */
const MANY_TOKENS = 16384;
const FEW = 3;

interface Graph {
  readonly name: string;
  readonly attention: Attention | "none";
  readonly maxLength?: number;
  /** float32 unless it is said. */
  readonly dtype?: GraphDtype;
}

/** Linears, norms and GELU alone: what any attention stands on. */
const limit = defineFunction(
  { name: "NoAttention", inputs: ATTENTION_INPUTS, output: "context", doc: "Passes the values on." },
  (op, { value }) => op.Identity(value),
);

function limitGraph(model: Model, weights: WeightSource): OnnxModel {
  const builder = buildModel("limit", model, model.architecture.heads.Model, weights);
  const dims = ["batch_size", "sequence_length"];
  const input = (name: string) => builder.graph.input(name, "I64", dims);
  const inputs = {
    inputIds: input("input_ids"),
    attentionMask: input("attention_mask"),
    tokenTypeIds: input("token_type_ids"),
  };
  const hidden = encode(builder, inputs, { ...encoderAttention(FULL), op: () => limit }, 1);
  builder.graph.output("last_hidden_state", hidden, "F32", [...dims, model.sizes.hidden]);
  return builder.graph.model();
}

/** A Longformer's attention, without global tokens. */
function windows(width: number): Attention {
  return { kind: "longformer", config: { attention_window: new Array<number>(12).fill(width) } };
}

/** The table of global tokens is missing in an unconverted model; with these none is prepended. */
function blocks(config: Readonly<Record<string, unknown>>): Attention {
  return { kind: "lsg", config: LsgConfigSchema.parse({ ...config, first_token_is_global: true }) };
}

const FAITHFUL = blocks(presetConfig("faithful", 512));

const GRAPHS: readonly Graph[] = [
  { name: "limit (no attention)", attention: "none" },
  { name: "full attention", attention: FULL, maxLength: MAX_FULL_TOKENS },
  { name: "LSG faithful 256/0", attention: FAITHFUL },
  { name: "LSG faithful 256/0, q8", attention: FAITHFUL, dtype: "q8" },
  { name: "LSG reference 128/128 norm", attention: blocks({}) },
  { name: "LSG reference 128/128 norm, q8", attention: blocks({}), dtype: "q8" },
  { name: "Longformer, window 512", attention: windows(512) },
  { name: "Longformer, window 1024", attention: windows(1024) },
  { name: "LSG 32/32 norm", attention: blocks({ block_size: 32, sparse_block_size: 32 }) },
];

/** What reference_forward.py runs, each by its name there. */
const REFERENCES: readonly { model: string; name: string; environment: EnvironmentName }[] = [
  { model: "lsg", name: "lsg-converter 128/128 norm, PyTorch", environment: "reference" },
  { model: "longformer", name: "transformers' Longformer, window 512, PyTorch", environment: "transformers" },
  { model: "bigbird", name: "transformers' BigBird, PyTorch", environment: "transformers" },
  { model: "modernbert", name: "transformers' ModernBERT base, PyTorch sdpa", environment: "transformers" },
  { model: "bert", name: "transformers' BERT, full attention, PyTorch sdpa", environment: "transformers" },
];

/** Forward passes of a base model, all in turn at each of these lengths, or at all: seconds, memory, ratios. */
export async function benchAttention(lengths: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lsg-bench-"));
  const source = join(folder, "base");
  await writeBenchModel(source, { ...BASE, config: { max_position_embeddings: MAX_LENGTH } });
  const workspace = await openWorkspace(await openFolder(source));
  try {
    const candidates = [
      ...(await ourGraphs(source, workspace)),
      ...(await optimumsGraph(source, join(folder, "optimum"))),
      ...references(),
    ];
    const wanted = lengths.length > 0 ? [...lengths].sort((a, b) => a - b) : [...RUNS.keys()];
    await compare(candidates, wanted, 1, (length) => RUNS.get(length) ?? DEFAULT_RUNS);
    for (const { batchSize, length, runs } of BATCHES) {
      if (wanted.includes(length)) await compare(candidates, [length], batchSize, () => runs);
    }
  } finally {
    await workspace.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function ourGraphs(folder: string, workspace: Workspace): Promise<Candidate[]> {
  const model = await openModel(await openFolder(folder)).model();
  const { checkpoint } = model;
  const place = await workspace.place(checkpoint);
  const reader = await openWeights(checkpoint, () => ({}));
  const candidates: Candidate[] = [];
  for (const { name, attention, maxLength = MAX_LENGTH, dtype = "fp32" } of GRAPHS) {
    const weights = dtype === "fp32" ? place.weights : weightsIn(dtype, reader, false);
    const graph =
      attention === "none" ? limitGraph(model, weights) : modelGraph(model, weights, { attention, seed: 1 });
    const path = await place.write(name.replaceAll(/\W+/g, "-"), graph);
    candidates.push({ name, maxLength, start: (signal) => startGraph(path, "cpu", signal) });
  }
  await reader.close();
  return candidates;
}

async function optimumsGraph(source: string, output: string): Promise<Candidate[]> {
  const path = await optimumExport(source, output);
  if (path === undefined) return [];
  const start: Candidate["start"] = (signal) => startGraph(path, "cpu", signal);
  return [{ name: "optimum's export, full attention", maxLength: MAX_FULL_TOKENS, start }];
}

function references(): Candidate[] {
  return REFERENCES.flatMap(({ model, name, environment }) => {
    const python = findPython(environment);
    if (!python) return [];
    const command = [python.command, script("reference_forward.py"), model, String(MAX_FULL_TOKENS)] as const;
    const start: Candidate["start"] = (signal) => startWorker(command, {}, { env: python.env, signal });
    return [{ name, maxLength: MAX_FULL_TOKENS, start }];
  });
}

/** All processes stay alive for all lengths, so that the candidates can take turns run by run. */
async function compare(
  candidates: readonly Candidate[],
  lengths: readonly number[],
  batchSize: number,
  runsAt: (length: number) => number,
): Promise<void> {
  const isMany = (length: number) => batchSize * length >= MANY_TOKENS;
  const at = async (some: readonly number[], group: readonly Candidate[]) => {
    const measured = await measure(group, {
      lengths: some,
      batchSize,
      runsAt,
      loads: 0,
      memory: freeMemory(),
      inputsAt: (length) => benchInputs(batchSize, length),
    });
    for (const length of some) print(measured, length, batchSize);
  };
  const within = (some: readonly number[]) =>
    candidates
      .map((all) => (all.maxLength < MAX_LENGTH ? { ...all, maxLength: all.maxLength / batchSize } : all))
      .filter(({ maxLength }) => some.some((length) => length <= maxLength));
  const few = lengths.filter((length) => !isMany(length));
  if (few.length > 0) await at(few, within(few));
  const many = lengths.filter(isMany);
  for (const group of groups(within(many))) await at(many, group);
}

/** A few candidates at a time, the first of all, which the others are held against, in each group. */
function groups([base, ...others]: readonly Candidate[]): readonly (readonly Candidate[])[] {
  if (!base) return [];
  const starts = others.flatMap((_, i) => (i % FEW === 0 ? [i] : []));
  return starts.map((start) => [base, ...others.slice(start, start + FEW)]);
}

function print(measured: readonly MeasuredGraph[], length: number, batchSize: number): void {
  const at = ({ measurements }: MeasuredGraph) => measurements.find((one) => one.length === length);
  const base = measured[0] && at(measured[0])?.seconds.median;
  process.stdout.write(`\n${batchSize} × ${length} tokens, BERT base, seconds\n`);
  console.table(
    measured.flatMap((graph) => {
      const { seconds, megabytes } = at(graph) ?? {};
      if (!seconds) return [];
      return [
        {
          "": graph.name,
          median: seconds.median.toFixed(3),
          "min–max": `${seconds.min.toFixed(3)}–${seconds.max.toFixed(3)}`,
          "× limit": base === undefined ? "" : (seconds.median / base).toFixed(2),
          "peak MB": megabytes?.toFixed(0),
        },
      ];
    }),
  );
  for (const { name, notes } of measured) {
    const failures = notes.filter((note) => note.startsWith(`failed at ${length} `));
    for (const failure of failures) process.stdout.write(`${name} ${failure}\n`);
  }
}
