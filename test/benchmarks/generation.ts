import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { InferenceSession, OnnxValue, Tensor } from "onnxruntime-node";
import { FULL } from "../../src/attention/variants.js";
import { ownProgram } from "../../src/base/package.js";
import { spreadOf } from "../../src/bench/statistics.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { GENERATION_FILES } from "../../src/checkpoint/graph-files.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import { convert } from "../../src/commands/convert.js";
import { openModel } from "../../src/model/open.js";
import { copiedWeights } from "../../src/onnx/copied-weights.js";
import { exportedGraphs } from "../../src/onnx/exported-graphs.js";
import { writeModel } from "../../src/onnx/writer.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { runProgram } from "../../src/runtime/run-program.js";
import type { CostRequest } from "../../src/verify/model/cost-program.js";
import type { CostAt } from "../../src/verify/report/report-schema.js";
import { BART_BASE, writeBenchModel } from "./models.js";

const ROUNDS = 3;
const NEW_TOKENS = 64;
/** Beyond this, full attention needs more memory than it is worth: 12 heads × 16384² scores are 13 GB. */
const MAX_FULL_LENGTH = 4096;

const CONVERSIONS = {
  "LSG faithful 512/0": {},
  "LSG reference 128/128 norm": { preset: "reference" },
} as const;

/** A BART base: its encoder beside full attention at these lengths, and what its decoder writes a second. */
export async function benchGeneration(lengths: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lsg-bench-"));
  try {
    const source = join(folder, "source");
    await writeBenchModel(source, BART_BASE);
    const maxSequenceLength = Math.max(...lengths);
    const graphs = new Map<string, string>();
    for (const [name, options] of Object.entries(CONVERSIONS)) {
      const output = join(folder, name.replaceAll(/\W+/g, "-"));
      const architecture = "BartForConditionalGeneration";
      await convert(
        source,
        output,
        parseConvertOptions({ ...options, architecture, maxSequenceLength, onnx: true }),
      );
      graphs.set(name, join(output, "onnx"));
    }
    const [faithful = ""] = graphs.values();
    graphs.set("full attention", await writeFullAttention(join(faithful, ".."), join(folder, "full")));
    for (const length of lengths) await compareEncoders(graphs, length);
    for (const length of lengths) await measureDecoder(faithful, length);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same weights, and as many positions, with full attention. */
async function writeFullAttention(converted: string, folder: string): Promise<string> {
  const model = await openModel(await openFolder(converted)).model();
  const { checkpoint } = model;
  const reader = await openWeights(checkpoint, () => ({}));
  await mkdir(folder);
  const graph = exportedGraphs(model, copiedWeights(reader), { attention: FULL, seed: 1 }).get(
    GENERATION_FILES.encoder,
  );
  if (graph) await writeModel(join(folder, GENERATION_FILES.encoder), graph);
  await reader.close();
  return folder;
}

/** Each graph in a process of its own, in turn. */
async function compareEncoders(graphs: ReadonlyMap<string, string>, length: number): Promise<void> {
  const costs = new Map<string, CostAt[]>();
  const values = Array.from({ length }, (_, i) => 1000 + ((i * 7919) % 20000));
  const tensor = (all: number[]) => ({ dims: [1, length], values: all, dtype: "int64" }) as const;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, folder] of graphs) {
      if (name === "full attention" && length > MAX_FULL_LENGTH) continue;
      const request: CostRequest = {
        graphPath: join(folder, GENERATION_FILES.encoder),
        device: "cpu",
        inputs: [{ input_ids: tensor(values), attention_mask: tensor(values.map(() => 1)) }],
      };
      const { stdout, failure } = await runProgram(
        process.execPath,
        [fileURLToPath(ownProgram("verify/model/cost-program"))],
        { input: JSON.stringify(request) },
      );
      if (failure !== undefined) throw new Error(`${name}: ${failure}`);
      costs.set(name, [...(costs.get(name) ?? []), JSON.parse(stdout) as CostAt]);
    }
  }
  const full = medianOf(costs.get("full attention")?.map(({ seconds }) => seconds) ?? []);
  process.stdout.write(`\nBART base, encoder, 1 × ${length} tokens\n`);
  console.table(
    [...costs].map(([name, all]) => {
      const seconds = medianOf(all.map((cost) => cost.seconds));
      return {
        "": name,
        "median s": seconds.toFixed(3),
        "× full": Number.isNaN(full) ? "" : (seconds / full).toFixed(2),
        "peak MB": Math.max(...all.map(({ megabytes }) => megabytes)).toFixed(0),
      };
    }),
  );
}

/** Greedy generation behind an input of so many tokens. */
async function measureDecoder(folder: string, length: number): Promise<void> {
  const ort = await import("onnxruntime-node");
  const open = (file: string) => ort.InferenceSession.create(join(folder, file));
  const ints = (values: readonly number[]) =>
    new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
  const encoder_attention_mask = ints(new Array<number>(length).fill(1));
  const encoder_hidden_states = new ort.Tensor(
    "float32",
    Float32Array.from({ length: length * 768 }, (_, i) => Math.sin(i)),
    [1, length, 768],
  );
  const first = await open(GENERATION_FILES.decoder);
  const later = await open(GENERATION_FILES.decoderWithPast);
  const merged = await open(GENERATION_FILES.merged);
  const begin = { encoder_attention_mask, encoder_hidden_states, input_ids: ints([2]) };

  /** One pass after another, each with what the earlier ones kept. */
  async function withPast(session: InferenceSession, more: Record<string, Tensor>): Promise<number> {
    const state: Record<string, OnnxValue> = {};
    keep(state, await first.run(begin));
    const started = performance.now();
    for (let step = 1; step < NEW_TOKENS; step++) {
      const feeds = { encoder_attention_mask, input_ids: ints([step]), ...state, ...more };
      keep(state, await session.run(feeds));
    }
    return (performance.now() - started) / (NEW_TOKENS - 1);
  }

  async function withoutPast(): Promise<number> {
    const started = performance.now();
    for (let step = 1; step < NEW_TOKENS; step += 8) {
      const ids = Array.from({ length: step + 1 }, (_, i) => i);
      await first.run({ ...begin, input_ids: ints(ids) });
    }
    return (performance.now() - started) / Math.ceil((NEW_TOKENS - 1) / 8);
  }

  const useCache = new ort.Tensor("bool", [true], [1]);
  const candidates = {
    decoder_with_past_model: () => withPast(later, {}),
    decoder_model_merged: () => withPast(merged, { encoder_hidden_states, use_cache_branch: useCache }),
    "decoder_model, no past": withoutPast,
  };
  const times = new Map<string, number[]>();
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const milliseconds = await run();
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), milliseconds]);
    }
  }
  process.stdout.write(`\nBART base, decoder, ${NEW_TOKENS} tokens behind ${length}\n`);
  console.table(
    [...times].map(([name, all]) => ({
      "": name,
      "ms a token": medianOf(all).toFixed(1),
      "tokens a second": (1000 / medianOf(all)).toFixed(1),
    })),
  );
}

/** Later passes give nothing for the encoder: what the first one gave stays. */
function keep(state: Record<string, OnnxValue>, results: InferenceSession.OnnxValueMapType): void {
  for (const [name, value] of Object.entries(results)) {
    if (!name.startsWith("present.")) continue;
    const past = name.replace("present", "past_key_values");
    if (name.includes(".encoder.") && past in state) continue;
    state[past] = value;
  }
}

function medianOf(values: readonly number[]): number {
  return values.length > 0 ? spreadOf(values).median : Number.NaN;
}
