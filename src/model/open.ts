import type { Architecture } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { CheckpointError } from "../base/errors.js";
import { once } from "../base/once.js";
import {
  type Checkpoint,
  CONFIG_FILE,
  type Config,
  parseObject,
  readCheckpoint,
} from "../checkpoint/checkpoint.js";
import type { FileSource, TransferOptions } from "../checkpoint/file-source.js";
import { filesForSorting } from "../checkpoint/left-out.js";
import { SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import { limitsLength } from "../tokenizer/raise-length.js";
import { TOKENIZER_FILES } from "../tokenizer/special-tokens.js";
import { type Contents, type Model, modelOf, type Wanted } from "./model.js";
import { settle } from "./settle.js";

/**
 * A model as it lies in a folder or on the Hub. Each part is read when it is asked for, and once; what is wrong with it is
 * thrown whenever it is asked for, and is not a matter of the others.
 */
export interface OpenedModel {
  readonly source: FileSource;
  /** config.json as it stands there; no weights are looked at. */
  config(): Promise<Config>;
  /** The architecture that config.json names; no weights are looked at. @throws CheckpointError for an unknown one, or none */
  namedArchitecture(): Promise<Architecture>;
  /**
   * Config and tensors as the files have them. Of a model on the Hub, safetensors headers are fetched alone; `.bin` files
   * have to be downloaded for theirs.
   */
  found(): Promise<Checkpoint>;
  /**
   * The same, with config values that the weights decide (see `settle`). Where weights and config contradict each other
   * it is as found, so that files can be inspected; `architecture` then throws the error.
   */
  checkpoint(): Promise<Checkpoint>;
  /** @throws CheckpointError for one that cannot be converted, or whose config and weights could not be settled */
  architecture(): Promise<Architecture>;
  /** The side files that decide something: a tokenizer.json can have some 40 MB. */
  contents(): Promise<Contents>;
  /** Checkpoint and contents, before anything is made of them: what a plan depends on. */
  read(): Promise<OpenedModel>;
  /** A file as a whole, from memory if it is among the contents. */
  readonly readFile: ReadSource;
  /** The model as it is. @throws as `as` does */
  model(): Promise<Model>;
  /** The model as another class, or with other keys. @throws CheckpointError or OptionError if its parts do not fit together */
  as(wanted: Wanted): Promise<Model>;
}

/** Gives a file of the source as a whole. */
export type ReadSource = (path: string) => Promise<Buffer>;

export interface OpenModelOptions {
  readonly transfer?: TransferOptions | undefined;
  /** `--model-type`, for a model whose config.json has none. */
  readonly modelType?: string | undefined;
}

/** Opens a model: the one way to its parts. Nothing is read yet. */
export function openModel(
  source: FileSource,
  { transfer = {}, modelType }: OpenModelOptions = {},
): OpenedModel {
  const config = once(async () => parseObject(await source.read(CONFIG_FILE), CONFIG_FILE));
  const found = once(() => readCheckpoint(source, transfer));
  const settled = once(async () => settle(await found(), modelType));
  const contents = once(() => readContents(source));
  const checkpoint = once(async () => {
    const asFound = await found();
    return settled().catch((error: unknown) => {
      if (error instanceof CheckpointError) return asFound;
      throw error;
    });
  });
  const architecture = once(async () => findArchitecture((await settled()).config.model_type));
  const as = async (wanted: Wanted) => {
    const parts = { checkpoint: await checkpoint(), architecture: await architecture(), contents, transfer };
    return modelOf(parts, wanted);
  };
  const opened: OpenedModel = {
    ...{ source, config, found, checkpoint, architecture, contents, as },
    namedArchitecture: async () => findArchitecture((await config()).model_type),
    async read() {
      await checkpoint();
      await contents();
      return opened;
    },
    readFile: async (path) => (await contents()).get(path) ?? source.read(path),
    model: once(() => as({})),
  };
  return opened;
}

/** Files whose contents decide something besides a length. */
const READ_FILES: ReadonlySet<string> = new Set([
  ...TOKENIZER_FILES,
  MODULES_FILE,
  SETTINGS_FILE,
  "README.md",
]);

async function readContents(source: FileSource): Promise<Contents> {
  const paths = [...source.files.keys()].filter((path) => limitsLength(path) || READ_FILES.has(path));
  const contents = new Map<string, Buffer>();
  for (const path of new Set([...paths, ...filesForSorting(source.files)])) {
    contents.set(path, await source.read(path));
  }
  return contents;
}
