import { posix } from "node:path";
import { listed } from "../base/listed.js";
import { isRecord } from "../json/json-edit.js";
import { parseObject } from "./checkpoint.js";
import { collisions, HIDDEN, isHidden, kindOfPath, ODD_NAMES, TABLE, TRAINING } from "./file-kinds.js";
import type { FileInfo, FileSource } from "./file-source.js";
import { refusedEntries } from "./links.js";
import { MODULES_FILE, parseModules } from "./sentence-transformers/modules-json.js";

/** A source's files, with the contents of those that `filesForSorting` names. */
export interface SourceFiles {
  readonly files: ReadonlyMap<string, FileInfo>;
  readonly contents: ReadonlyMap<string, Buffer>;
}

/** A file of the source that a conversion or an export leaves out. */
export interface OmittedFile {
  readonly path: string;
  readonly reason: string;
}

const OTHER_MODELS = "weights of other models";
const DATA = "tables of data";
const TOO_LARGE = "files too large for settings";

/** Kinds of files that no loader of models reads. */
const NEVER_OPENED: ReadonlySet<string> = new Set([HIDDEN, TRAINING, DATA]);

/** Files of tensors that may be a head's, or another model's. */
const TENSORS = /\.(safetensors|bin|pt|pth|h5|msgpack|ot|npz)$/;

/** Weights as loaders name them, in any precision, and their indexes. */
const MODEL_WEIGHTS =
  /^(model|pytorch_model)(\.[\w-]+?)?(-\d+-of-\d+)?\.(safetensors|bin)(\.index(\.[\w-]+)?\.json)?$/;

/** A whole model's weights in another precision; a head's may be called so too. */
const VARIANT = /^(model|pytorch_model)\.(?!.*-\d+-of-\d+\.)[\w-]+\.(safetensors|bin)$/;

/** In 4 bits, a model in float32 takes an eighth. */
const LEAST_VARIANT = 1 / 16;

/** Larger files are not settings; the largest tokenizers have some 40 MB. */
const MAX_SIDE_FILE_BYTES = 256 * 2 ** 20;

/** Configs and code have some kilobytes; a JSON file of more is data itself. */
const MAX_NAMING_BYTES = 16 * 2 ** 20;

/** Files of a kind that the sentence about them names. */
const MAX_NAMED = 6;

/** The files of the weights themselves, which need no mention among what is left out. */
export function isModelWeights(path: string): boolean {
  return MODEL_WEIGHTS.test(path);
}

/** The files whose contents say what belongs to a model: indexes, modules.json, and where there are tables also configs and code. */
export function filesForSorting(files: SourceFiles["files"]): string[] {
  const hasTables = [...files.keys()].some((path) => TABLE.test(path));
  return [...files]
    .filter(([path, { refused }]) => {
      if (refused !== undefined || kindOfPath(path) !== undefined) return false;
      return path === MODULES_FILE || isIndex(path) || (hasTables && mayNameTables(path, files));
    })
    .map(([path]) => path);
}

/** Whether a file is code, or the config of a model or of a module. */
function mayNameTables(path: string, files: SourceFiles["files"]): boolean {
  if ((files.get(path)?.size ?? 0) > MAX_NAMING_BYTES || /^(tokenizer|vocab)\.json$/.test(path)) return false;
  return path.includes("/")
    ? /\.py$|\/config\.json$/.test(path)
    : /\.(py|json|ya?ml|toml|cfg|ini)$/.test(path);
}

/** A source's files, with what it takes to sort them. */
export async function readForSorting({ files, read }: FileSource): Promise<SourceFiles> {
  const contents = new Map<string, Buffer>();
  for (const path of filesForSorting(files)) contents.set(path, await read(path));
  return { files, contents };
}

/** The weights themselves: by their names, and what an index names; in other precisions too. */
export function ownWeights({ files, contents }: SourceFiles): string[] {
  const indexed = [...contents].flatMap(([path, content]) => {
    if (!isIndex(path)) return [];
    const { weight_map } = parseObject(content, path);
    return isRecord(weight_map) ? Object.values(weight_map) : [];
  });
  const named = new Set(indexed);
  const weights = [...files].filter(([path]) => isModelWeights(path) || named.has(path));
  const least = Math.max(...weights.map(([, { size }]) => size)) * LEAST_VARIANT;
  return weights
    .filter(([path, { size }]) => named.has(path) || !VARIANT.test(path) || size >= least)
    .map(([path]) => path);
}

/**
 * Divides a model's files: its own small files stay, heads in files of their own and modules of sentence-transformers
 * among them. Its weights don't, which are written anew, nor does what is not part of it.
 * @throws CheckpointError for one that would stay and is not to be opened: a link that leads out of the folder
 */
export function sortFiles(source: SourceFiles): { kept: string[]; omitted: OmittedFile[] } {
  const weights = new Set(ownWeights(source));
  const kindOf = sorter(source, weights);
  const paths = [...source.files.keys()].sort();
  const kinds = new Map(paths.map((path) => [path, weights.has(path) ? undefined : kindOf(path)]));
  const staying = paths.filter((path) => kinds.get(path) === undefined);
  for (const path of collisions(staying)) if (!weights.has(path)) kinds.set(path, ODD_NAMES);
  const kept = paths.filter((path) => kinds.get(path) === undefined && !weights.has(path));
  requireOpenable(kept, source.files);
  const omitted = [...kinds].flatMap(([path, reason]) => (reason === undefined ? [] : [{ path, reason }]));
  return { kept, omitted };
}

/** @throws CheckpointError if one of the files is not to be opened */
function requireOpenable(paths: readonly string[], files: SourceFiles["files"]): void {
  const refused = paths.flatMap((path): [string, string][] => {
    const reason = files.get(path)?.refused;
    return reason === undefined ? [] : [[path, reason]];
  });
  if (refused.length > 0) throw refusedEntries(new Map(refused));
}

/** Whether files of a kind say nothing to anything that opens a model. */
export function isNeverOpened({ reason }: OmittedFile): boolean {
  return NEVER_OPENED.has(reason);
}

/** What is left out, in one sentence, by kind; a folder of which nothing stays is named as one. */
export function leftOutSentence(
  omitted: readonly OmittedFile[],
  kept: readonly string[],
): string | undefined {
  const staying = new Set(kept.map(topOf));
  const kinds = new Map<string, Set<string>>();
  for (const { path, reason } of omitted) {
    const top = topOf(path);
    const named = path.includes("/") && !staying.has(top) ? `${top}/` : path;
    kinds.set(reason, (kinds.get(reason) ?? new Set()).add(named));
  }
  if (kinds.size === 0) return undefined;
  const named = [...kinds].map(([kind, all]) => `${kind} (${listed([...all], MAX_NAMED)})`);
  return `Left out, as no part of the model: ${named.join("; ")}.`;
}

/** Why a file that holds no weights of the model does not stay; undefined where it does. */
function sorter(
  { files, contents }: SourceFiles,
  weights: ReadonlySet<string>,
): (path: string) => string | undefined {
  const size = (path: string) => files.get(path)?.size ?? 0;
  const modules = modulePaths(contents.get(MODULES_FILE));
  const moduleOf = (path: string) => modules.find((folder) => path.startsWith(`${folder}/`));
  const isModule = (path: string) => moduleOf(path) !== undefined;
  // A head is small beside its model; what is half as large is a model, be it in another precision.
  const half = [...weights].reduce((sum, path) => sum + size(path), 0) / 2;
  const isModel = (path: string) =>
    half > 0 && TENSORS.test(path) && !isModule(path) && size(path) >= half && !weights.has(path);
  const models = [...files.keys()].filter(isModel);
  const folders = models
    .map((path) => posix.dirname(path))
    .filter((folder) => files.has(posix.join(folder, "config.json")) && folder !== ".");
  const texts = [...contents].flatMap(([path, content]) =>
    path === MODULES_FILE || mayNameTables(path, files) ? [content.toString("utf8")] : [],
  );
  const isNamed = (path: string) => texts.some((text) => names(text, posix.basename(path)));
  return (path) => {
    // A module may be called like an export; what is hidden or written by a training in it is that there too.
    const module = moduleOf(path);
    const kind = isHidden(path)
      ? HIDDEN
      : kindOfPath(module === undefined ? path : path.slice(module.length + 1));
    if (kind !== undefined) return kind;
    if (models.includes(path) || folders.some((folder) => path.startsWith(`${folder}/`))) return OTHER_MODELS;
    if (TABLE.test(path) && !isModule(path) && !isNamed(path)) return DATA;
    return size(path) > MAX_SIDE_FILE_BYTES && !isModule(path) ? TOO_LARGE : undefined;
  };
}

/** Whether a text names a file, and not only one whose name ends or begins alike. */
function names(text: string, file: string): boolean {
  for (let at = text.indexOf(file); at >= 0; at = text.indexOf(file, at + 1)) {
    const isWhole =
      !/[\p{L}\p{N}_.-]$/u.test(text.slice(Math.max(0, at - 2), at)) &&
      !/^([\p{L}\p{N}_-]|\.[\p{L}\p{N}])/u.test(text.slice(at + file.length, at + file.length + 3));
    if (isWhole) return true;
  }
  return false;
}

function isIndex(path: string): boolean {
  return isModelWeights(path) && path.endsWith(".json");
}

function topOf(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

/** Folders of a sentence-transformers model's modules behind the transformer. */
function modulePaths(modulesJson: Buffer | undefined): string[] {
  const modules = modulesJson ? parseModules(modulesJson) : [];
  return modules.flatMap(({ path }) => (path === "" ? [] : [path]));
}
