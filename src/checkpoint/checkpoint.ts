import { posix } from "node:path";
import { CheckpointError } from "../base/errors.js";
import { isRecord } from "../json/json-edit.js";
import type { Dtype } from "../safetensors/dtype.js";
import { type Header, LENGTH_BYTES, parseHeader, parseHeaderLength } from "../safetensors/header.js";
import type { FileSource, TransferOptions } from "./file-source.js";
import type { KeptBlocks } from "./kept-blocks.js";
import { refuseAdapter } from "./refuse-adapter.js";

/** config.json as parsed; what we don't know stays in it. */
export type Config = Readonly<Record<string, unknown>>;

/** Where a tensor's bytes are. Nothing of them has been read. */
export interface CheckpointTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Weight file, a path below the checkpoint's root. */
  readonly file: string;
  /** First byte in that file. */
  readonly begin: number;
  /** In elements, where the tensor does not lie contiguous in the file (`.bin` only). */
  readonly strides?: readonly number[];
  /** Of a matrix of which the file holds some blocks only: `shape` is the whole's. */
  readonly kept?: KeptBlocks;
  /** The same text means the same view of the same storage: tied tensors (`.bin` only). */
  readonly storage?: string;
}

/** A weight file and what its header says besides tensors. */
export interface WeightFile {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, string> | undefined;
  /** Names of all tensors in it, whatever an index says of them. */
  readonly tensorNames: readonly string[];
}

/** A model as found: config and tensor index. */
export interface Checkpoint {
  readonly source: FileSource;
  readonly config: Config;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly weightFiles: readonly WeightFile[];
  /** Names in weight files of what is no tensor (`.bin` only). */
  readonly ignored: readonly string[];
  /** What was settled of config.json by the weights; see model/settle.ts. */
  readonly settlement?: Settlement;
}

/** What config.json left open, or said otherwise than the weights. */
export interface Settlement {
  /** Keys of config.json; `undefined` removes one. `config` has them already. */
  readonly changes: ReadonlyMap<string, unknown>;
  /** What was settled, a sentence each. */
  readonly notes: readonly string[];
  /** Where the model type comes from, if config.json has none. */
  readonly modelTypeFrom?: ModelTypeOrigin;
  /** Why it could not be settled. */
  readonly refusal?: CheckpointError;
}

/** What says of which type a model is, where its config.json does not: its tensors, or `--model-type`. */
export type ModelTypeOrigin = "tensors" | "option";

export const CONFIG_FILE = "config.json";

/** Weight files in the order in which transformers looks for them; an index names the shards. */
const WEIGHT_FILES = [
  { path: "model.safetensors", read: readSafetensors },
  { path: "model.safetensors.index.json", read: readSafetensors },
  { path: "pytorch_model.bin", read: readBin },
  { path: "pytorch_model.bin.index.json", read: readBin },
] as const;

const SAVE_AGAIN = "Open the model in transformers (from_tf, from_flax) and save it with save_pretrained.";

/** What to do with a folder that has other weights than these, by the ending of its files. */
const FOREIGN_REMEDIES: Readonly<Record<string, string>> = {
  ".onnx": "An export has no weights of its own that could be read: name the folder that it was made from.",
  ".gguf": "It is quantised for llama.cpp: name the checkpoint that it was made from.",
  ".h5": SAVE_AGAIN,
  ".msgpack": SAVE_AGAIN,
  ".ckpt": SAVE_AGAIN,
};

/** A weight file with its tensors. */
export interface WeightFileContent extends Omit<WeightFile, "tensorNames"> {
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly ignored: readonly string[];
}

/**
 * Opens a model: reads its config and the headers of its weight files. Of a model on the Hub, safetensors
 * headers are fetched alone; `.bin` files have to be downloaded for theirs.
 * @throws CheckpointError if config or weights are missing or damaged.
 */
export async function openCheckpoint(
  source: FileSource,
  transfer: TransferOptions = {},
): Promise<Checkpoint> {
  refuseAdapter(source);
  const config = await readConfig(source);
  const found = WEIGHT_FILES.find(({ path }) => source.files.has(path));
  if (!found) throw noWeights(source);
  const index = found.path.endsWith(".index.json") ? await readIndex(source, found.path) : undefined;
  const paths = index ? [...new Set(index.values())].sort() : [found.path];
  const contents: WeightFileContent[] = [];
  for (const path of paths) contents.push(await found.read(source, path, transfer));
  return {
    source,
    config,
    tensors: index ? mergeShards(contents, index, found.path) : (contents[0]?.tensors ?? new Map()),
    weightFiles: contents.map(({ path, metadata, tensors }) => {
      return { path, metadata, tensorNames: [...tensors.keys()] };
    }),
    ignored: contents.flatMap(({ ignored }) => ignored),
  };
}

/**
 * Reads the header of the one weight file in a subfolder, which belongs to no index.
 * @throws CheckpointError if there is none, or it is damaged.
 */
export async function readWeightsOf(
  source: FileSource,
  folder: string,
  transfer: TransferOptions,
): Promise<WeightFileContent> {
  const path = (name: string) => posix.join(folder, name);
  const found = WEIGHT_FILES.find(({ path: name }) => source.files.has(path(name)));
  if (found) return found.read(source, path(found.path), transfer);
  throw new CheckpointError(
    `${folder}/ has no weights: looked for ${WEIGHT_FILES.map((file) => file.path).join(", ")}`,
    "Check that the download is complete.",
  );
}

async function readConfig(source: FileSource): Promise<Config> {
  if (!source.files.has(CONFIG_FILE)) throw noConfig(source);
  return parseObject(await source.read(CONFIG_FILE), CONFIG_FILE);
}

/** @throws CheckpointError if the bytes are not JSON. */
export function parseJson(content: Buffer, path: string): unknown {
  try {
    return JSON.parse(content.toString("utf8").replace(/^\uFEFF/, ""));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${path} is not JSON: ${reason}`, "Repair or replace the file.", {
      cause: error,
    });
  }
}

/** @throws CheckpointError if the bytes are not a JSON object. */
export function parseObject(content: Buffer, path: string): Record<string, unknown> {
  const value = parseJson(content, path);
  if (isRecord(value)) return value;
  throw new CheckpointError(`${path} holds ${JSON.stringify(value).slice(0, 40)}, expected a JSON object`);
}

/** The header of one safetensors file. */
async function readSafetensors(source: FileSource, path: string): Promise<WeightFileContent> {
  const size = sizeOf(source, path);
  const first = await source.readRange(path, 0, Math.min(size, LENGTH_BYTES));
  const length = parseHeaderLength(first, size, path);
  const json = await source.readRange(path, LENGTH_BYTES, LENGTH_BYTES + length);
  const header: Header = parseHeader(json, size, path);
  const tensors = [...header.tensors].map(([name, { dtype, shape, data_offsets }]) => {
    return [name, { dtype, shape, file: path, begin: header.dataStart + data_offsets[0] }] as const;
  });
  return { path, metadata: header.metadata, tensors: new Map(tensors), ignored: [] };
}

async function readBin(
  source: FileSource,
  path: string,
  transfer: TransferOptions,
): Promise<WeightFileContent> {
  sizeOf(source, path);
  const { readStateDict } = await import("../pickle/state-dict.js");
  const { tensors, ignored } = await readStateDict(await source.localPath(path, transfer), path);
  const entries = [...tensors].map(([name, tensor]) => {
    return [name, { ...tensor, file: path, storage: `${path}:${tensor.storage}` }] as const;
  });
  return { path, metadata: new Map([["format", "pt"]]), tensors: new Map(entries), ignored };
}

/** `weight_map` of an index: tensor name → file beside the index. */
async function readIndex(source: FileSource, path: string): Promise<ReadonlyMap<string, string>> {
  const { weight_map } = parseObject(await source.read(path), path);
  if (!isRecord(weight_map)) {
    throw new CheckpointError(`${path} has no weight_map`, "Download or save the checkpoint again.");
  }
  const places = new Map<string, string>();
  for (const [name, file] of Object.entries(weight_map)) {
    if (typeof file !== "string" || posix.basename(file) !== file || file.includes("\\")) {
      throw new CheckpointError(
        `${path} places tensor "${name}" in ${JSON.stringify(file)}, expected a file beside the index`,
        "Download or save the checkpoint again.",
      );
    }
    places.set(name, file);
  }
  return places;
}

/** All tensors of all shards; where two shards have the same name, the index decides. */
function mergeShards(
  contents: readonly WeightFileContent[],
  index: ReadonlyMap<string, string>,
  indexPath: string,
): ReadonlyMap<string, CheckpointTensor> {
  const merged = new Map<string, CheckpointTensor>();
  for (const { path, tensors } of contents) {
    for (const [name, tensor] of tensors) {
      const owner = index.get(name);
      if (owner === path || (owner === undefined && !merged.has(name))) merged.set(name, tensor);
    }
  }
  for (const [name, file] of index) {
    if (!merged.has(name)) {
      throw new CheckpointError(
        `${indexPath} places tensor "${name}" in ${file}, which does not hold it`,
        "Download or save the checkpoint again.",
      );
    }
  }
  return merged;
}

function sizeOf(source: FileSource, path: string): number {
  const file = source.files.get(path);
  if (!file) {
    throw new CheckpointError(
      `${path}, named by the index, is not in ${source.name}`,
      "Download the missing shard, or save the checkpoint again.",
    );
  }
  return file.size;
}

function noConfig(source: FileSource): CheckpointError {
  const older = olderLayout(source);
  if (older) return older;
  const nested = [...source.files.keys()].find(
    (path) => posix.basename(path) === CONFIG_FILE && path.includes("/"),
  );
  return new CheckpointError(
    `${source.name} has no ${CONFIG_FILE}`,
    nested
      ? `There is one in ${posix.dirname(nested)}/: name that folder, if it holds the transformer.`
      : "Name the folder that transformers' save_pretrained wrote, or a model on the Hub.",
  );
}

/** The config of checkpoints that Google published, and of pytorch-pretrained-bert after them. */
const OLDER_CONFIG = /^(bert|albert|electra)_config(_\w+)?\.json$/;

/** What to do with a checkpoint that has its config under an older name, with weights of TensorFlow or PyTorch. */
function olderLayout({ name, files }: FileSource): CheckpointError | undefined {
  const paths = [...files.keys()];
  const config = paths.find((path) => OLDER_CONFIG.test(path));
  const index = paths.find((path) => /^[^/]+\.ckpt(-\d+)?\.index$/.test(path));
  if (index !== undefined) {
    const weights = posix.basename(index, ".index");
    return new CheckpointError(
      `${name} is a TensorFlow checkpoint (${weights}), as Google published them; lsg reads PyTorch's and safetensors`,
      `Convert it with transformers 4 and TensorFlow: BertForPreTraining.from_pretrained("${weights}.index", from_tf=True, ` +
        `config=BertConfig.from_json_file("${config ?? "bert_config.json"}")).save_pretrained("OUT"); name OUT, with the vocabulary beside.`,
    );
  }
  if (config === undefined) return undefined;
  return new CheckpointError(
    `${name} has no ${CONFIG_FILE}, but ${config}, as pytorch-pretrained-bert named it`,
    `Rename ${config} to ${CONFIG_FILE}; its model_type is found by the weights, or given with --model-type.`,
  );
}

function noWeights(source: FileSource): CheckpointError {
  const foreign = [...source.files.keys()].find((path) =>
    /^(tf_model\.h5|flax_model\.msgpack|.*\.(ckpt|onnx|gguf))$/.test(path),
  );
  const looked = WEIGHT_FILES.map(({ path }) => path).join(", ");
  return new CheckpointError(
    `${source.name} has no weights: looked for ${looked}${foreign ? `; found ${foreign}` : ""}`,
    foreign ? FOREIGN_REMEDIES[posix.extname(foreign)] : "Check that the download is complete.",
  );
}
