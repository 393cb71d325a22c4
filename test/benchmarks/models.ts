import { execFile } from "node:child_process";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findArchitecture } from "../../src/architectures/architectures.js";
import { seededNormal } from "../../src/base/random.js";
import type { BenchInputs } from "../../src/bench/program.js";
import { baseSpecs, readSizes } from "../../src/model/tensor-specs.js";
import { serializeHeader, type TensorInfo, tensorBytes } from "../../src/safetensors/header.js";
import { findPython, script } from "./environments.js";
import type { Candidate } from "./measure.js";

/** Of the weights of a BERT that was not trained: `initializer_range`. */
const WEIGHT_DEVIATION = 0.02;

/** A base model, in so many shards. */
export interface BenchModel {
  readonly modelType: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shards: number;
}

/** BERT base: 110 million parameters, 437 MB in F32. */
export const BASE: BenchModel = { modelType: "bert", config: {}, shards: 1 };

/** 1.5 billion parameters, 6 GB in F32. */
export const LARGE: BenchModel = {
  modelType: "bert",
  config: { hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 28, num_attention_heads: 32 },
  shards: 6,
};

/** BART base: 139 million parameters, 558 MB in F32. */
export const BART_BASE: BenchModel = {
  modelType: "bart",
  config: {
    d_model: 768,
    encoder_layers: 6,
    decoder_layers: 6,
    encoder_ffn_dim: 3072,
    decoder_ffn_dim: 3072,
    encoder_attention_heads: 12,
    decoder_attention_heads: 12,
    bos_token_id: 0,
    mask_token_id: 50264,
  },
  shards: 1,
};

/** The same tokens in each run: some 20,000 of the vocabulary, all visible. */
export function benchInputs(batchSize: number, length: number): BenchInputs {
  const tensor = (value: (i: number) => number) =>
    ({
      dims: [batchSize, length],
      values: Array.from({ length: batchSize * length }, (_, i) => value(i)),
      dtype: "int64",
    }) as const;
  return {
    input_ids: tensor((i) => 1000 + ((i * 7919) % 20000)),
    attention_mask: tensor(() => 1),
    token_type_ids: tensor(() => 0),
  };
}

/** The command that exports a model with optimum; undefined where there is no optimum. */
export function optimumCommand(source: string, output: string): Candidate["command"] | undefined {
  const python = findPython("optimum");
  return python && [python.command, script("optimum_export.py"), source, output];
}

/** Exports a model with optimum, and returns the graph's path; undefined where there is no optimum. */
export async function optimumExport(source: string, output: string): Promise<string | undefined> {
  const [program, ...args] = optimumCommand(source, output) ?? [];
  if (program === undefined) return undefined;
  await promisify(execFile)(program, args);
  return join(output, "model.onnx");
}

/** Writes a model with the names and shapes that the architecture says. */
export async function writeBenchModel(
  folder: string,
  { modelType, config, shards }: BenchModel,
): Promise<void> {
  const architecture = await findArchitecture(modelType);
  const all = baseSpecs(architecture, readSizes(architecture, config));
  const specs = all.filter(({ tiedTo }) => tiedTo === undefined);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify({
      architectures: [`${architecture.classPrefix}Model`],
      model_type: modelType,
      ...config,
    }),
  );
  await writeFile(join(folder, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
  const perShard = Math.ceil(specs.length / shards);
  const weight_map: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const file = shards === 1 ? "model.safetensors" : `model-0000${shard + 1}-of-0000${shards}.safetensors`;
    const part = specs.slice(shard * perShard, (shard + 1) * perShard);
    for (const { name } of part) weight_map[name] = file;
    await writeShardFile(join(folder, file), part);
  }
  if (shards > 1)
    await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
}

async function writeShardFile(path: string, specs: ReturnType<typeof baseSpecs>): Promise<void> {
  let end = 0;
  const tensors = specs.map(({ name, shape }) => {
    const begin = end;
    end += tensorBytes("F32", shape) ?? 0;
    return [name, { dtype: "F32", shape, data_offsets: [begin, end] }] as [string, TensorInfo];
  });
  const header = serializeHeader(new Map(tensors), new Map([["format", "pt"]]));
  const file = await open(path, "w");
  await file.write(header);
  // Real bytes: holes would take no disk, and `cp` does not copy them.
  const normal = seededNormal(1);
  const chunk = Buffer.from(Float32Array.from({ length: 1 << 18 }, () => WEIGHT_DEVIATION * normal()).buffer);
  for (let done = 0; done < end; done += chunk.length)
    await file.write(chunk, 0, Math.min(chunk.length, end - done));
  await file.close();
}
