import { posix } from "node:path";
import { CheckpointError } from "../base/errors.js";
import { listed } from "../base/listed.js";
import { isRecord } from "../json/json-edit.js";
import { refuseDeep } from "../json/json-scan.js";
import { isPlainName } from "./file-kinds.js";
import type { FileSource, TransferOptions } from "./file-source.js";
import { noConfig, refuseAsym } from "./no-config.js";
import { noWeights } from "./no-weights.js";
import { statedModelType } from "./stated-model-type.js";
import {
  asWeightFile,
  type CheckpointTensor,
  readWeightFile,
  type WeightFile,
  type WeightFileContent,
} from "./weight-file.js";
import { unwrapTensors, type Wrapper } from "./wrapper.js";

/** config.json as parsed; what we don't know stays in it. */
export type Config = Readonly<Record<string, unknown>>;

/** A model as found: config and tensor index. */
export interface Checkpoint {
  readonly source: FileSource;
  readonly config: Config;
  /** By their names in the files, but without the prefix of a wrapper that holds the model and nothing else. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  readonly weightFiles: readonly WeightFile[];
  /** Names in weight files of what is not a tensor (PyTorch's files only). */
  readonly ignored: readonly string[];
  /** What the model stands in, where that holds more than this model. */
  readonly wrapper?: Wrapper | undefined;
  /** What the user should know of how the weights were read, a sentence each. */
  readonly remarks: readonly string[];
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
}

export interface Settled {
  readonly changes: Settlement["changes"];
  readonly note: string;
  /** Tensors that are to be read other than the files hold them. */
  readonly tensors?: Checkpoint["tensors"];
}

/** What says of which type a model is, where its config.json does not: its tensors, or `--model-type`. */
export type ModelTypeOrigin = "tensors" | "option";

export const CONFIG_FILE = "config.json";

/** Weight files in the order in which transformers looks for them; an index names the shards. */
const WEIGHT_FILES = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
] as const;

/** A shard keeps its name in what is converted of it, beside files of other names. */
const SHARD_ENDING = /\.(safetensors|bin|pt|pth)$/;

/** Missing shards that an error names. */
const MAX_NAMED = 3;

/**
 * Reads a model's config and the headers of its weight files, for `openModel`. Of a model on the Hub, safetensors
 * headers are fetched alone; `.bin` files have to be downloaded for theirs.
 * @throws CheckpointError if config or weights are missing or damaged.
 */
export async function readCheckpoint(
  source: FileSource,
  transfer: TransferOptions = {},
): Promise<Checkpoint> {
  refuseAdapter(source);
  const config = await readConfig(source);
  const { paths, index, remarks } = await findWeights(source);
  const contents: WeightFileContent[] = [];
  for (const path of paths) contents.push(await readWeightFile(source, path, transfer));
  const stored = index ? mergeShards(contents, index) : (contents[0]?.tensors ?? new Map());
  const unwrapped = await unwrapTensors(stored, statedModelType(config));
  return {
    source,
    config,
    tensors: unwrapped.tensors,
    weightFiles: contents.map(asWeightFile),
    ignored: contents.flatMap(({ ignored }) => ignored),
    wrapper: unwrapped.wrapper,
    remarks: [...remarks, ...contents.flatMap(insideRemark), ...unwrapped.remarks],
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
  const files = WEIGHT_FILES.filter((name) => !isIndex(name));
  const found = files.map((name) => posix.join(folder, name)).find((path) => source.files.has(path));
  if (found !== undefined) return readWeightFile(source, found, transfer);
  throw new CheckpointError(
    `${folder}/ has no weights: looked for ${files.join(", ")}`,
    "Check that the download is complete.",
  );
}

async function readConfig(source: FileSource): Promise<Config> {
  if (!source.files.has(CONFIG_FILE)) throw noConfig(source);
  const config = parseObject(await source.read(CONFIG_FILE), CONFIG_FILE);
  refuseAsym(source, config);
  return config;
}

/** @throws CheckpointError if the bytes are not JSON. */
export function parseJson(content: Buffer, path: string): unknown {
  try {
    refuseDeep(content);
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

/** `weight_map` of an index: tensor name → file beside the index. */
interface WeightIndex {
  readonly path: string;
  readonly places: ReadonlyMap<string, string>;
}

/** The weight files to read: the first set, in transformers' order, of which all is there. */
async function findWeights(
  source: FileSource,
): Promise<{ paths: readonly string[]; index?: WeightIndex; remarks: readonly string[] }> {
  const incomplete: { path: string; missing: readonly string[] }[] = [];
  for (const path of WEIGHT_FILES.filter((name) => source.files.has(name))) {
    const index = isIndex(path) ? await readIndex(source, path) : undefined;
    const paths = index ? [...new Set(index.places.values())].sort() : [path];
    const missing = paths.filter((file) => !source.files.has(file));
    if (missing.length === 0) {
      const remarks = incomplete.map(
        (passed) =>
          `${passed.path} names ${absent(passed.missing)}; ${index ? `the shards of ${path} are` : `${path} is`} read instead.`,
      );
      return { paths, ...(index && { index }), remarks };
    }
    incomplete.push({ path, missing });
  }
  const [first] = incomplete;
  if (!first) throw await noWeights(source, WEIGHT_FILES);
  throw new CheckpointError(
    `${first.path} names ${absent(first.missing)}; ${source.name} has no other weights that are whole`,
    "Download what is missing, or save the checkpoint again.",
  );
}

/** "2 shards that are not there (a, b)". */
function absent(files: readonly string[]): string {
  const those =
    files.length === 1 ? "a shard that is not there" : `${files.length} shards that are not there`;
  return `${those} (${listed(files, MAX_NAMED)})`;
}

function isIndex(path: string): boolean {
  return path.endsWith(".index.json");
}

async function readIndex(source: FileSource, path: string): Promise<WeightIndex> {
  const { weight_map } = parseObject(await source.read(path), path);
  if (!isRecord(weight_map)) {
    throw new CheckpointError(`${path} has no weight_map`, "Download or save the checkpoint again.");
  }
  const places = new Map<string, string>();
  for (const [name, file] of Object.entries(weight_map)) {
    if (typeof file !== "string" || !isPlainName(file) || !SHARD_ENDING.test(file)) {
      throw new CheckpointError(
        `${path} places tensor "${name}" in ${JSON.stringify(file)}, expected a file beside the index`,
        "Download or save the checkpoint again.",
      );
    }
    places.set(name, file);
  }
  return { path, places };
}

/** All tensors of all shards; where two shards have the same name, the index decides. */
function mergeShards(
  contents: readonly WeightFileContent[],
  { path: indexPath, places }: WeightIndex,
): ReadonlyMap<string, CheckpointTensor> {
  const merged = new Map<string, CheckpointTensor>();
  for (const { path, tensors } of contents) {
    for (const [name, tensor] of tensors) {
      const owner = places.get(name);
      if (owner === path || (owner === undefined && !merged.has(name))) merged.set(name, tensor);
    }
  }
  for (const [name, file] of places) {
    if (!merged.has(name)) {
      throw new CheckpointError(
        `${indexPath} places tensor "${name}" in ${file}, which does not hold it`,
        "Download or save the checkpoint again.",
      );
    }
  }
  return merged;
}

function insideRemark({ path, keys }: WeightFileContent): string[] {
  if (keys.length === 0) return [];
  const where = keys.map((key) => JSON.stringify(key)).join(" / ");
  return [`${path} is a training checkpoint: its weights are read from ${where}, the rest is left aside.`];
}

/** Loaders that find it beside a model, whole or not, put an adapter into that model. */
const ADAPTER_CONFIG = "adapter_config.json";

/** What the adapters library (not peft) calls its weights. */
const ADAPTERS_WEIGHTS = /^(pytorch_adapter\.bin|adapter\.safetensors)$/;

/** Of an embedder the other files, modules.json and its folders among them, lie beside the adapter. */
const MERGE_WITH_PEFT =
  "Merge it into its base model first: " +
  "PeftModel.from_pretrained(AutoModel.from_pretrained(BASE), FOLDER).merge_and_unload().save_pretrained(MERGED) " +
  "with peft, with the auto class of its task; copy the folder's other files to it.";
const MERGE_WITH_ADAPTERS =
  "Merge it into its base model first: model.merge_adapter(NAME) with the adapters library, model.save_pretrained(MERGED), " +
  "and copy the folder's other files to it.";

/**
 * Refuses folders with an adapter: what is beside it, if anything, is not the model that loaders open.
 * @throws CheckpointError that says how to merge it
 */
function refuseAdapter({ files, name }: FileSource): void {
  if (!files.has(ADAPTER_CONFIG)) return;
  const isPeft = ![...files.keys()].some((path) => ADAPTERS_WEIGHTS.test(path));
  const what = files.has("config.json")
    ? "holds an adapter beside its model"
    : "is an adapter, not a whole model";
  throw new CheckpointError(
    `${name} ${what} (${ADAPTER_CONFIG})`,
    `${isPeft ? MERGE_WITH_PEFT : MERGE_WITH_ADAPTERS} Then convert MERGED.`,
  );
}
