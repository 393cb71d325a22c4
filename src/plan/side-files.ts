import { posix } from "node:path";
import type { FileSource } from "../checkpoint/file-source.js";
import { MODULES_FILE, parseModules } from "../checkpoint/sentence-transformers/modules-json.js";
import { addTokens, filesForTokens, type TokenIdMap } from "../tokenizer/add-tokens.js";
import { limitsLength, raiseLength } from "../tokenizer/raise-length.js";
import type { OmittedFile, SideFile } from "./types.js";

/** Larger files are data, not settings; the largest tokenizers have some 40 MB. */
const MAX_SIDE_FILE_BYTES = 256 * 2 ** 20;

const WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|ot|onnx|onnx_data|gguf|tflite|pb|mlmodel|npz)$/;
const WEIGHT_INDEX = /\.(safetensors|bin|h5|msgpack)\.index\.json$/;

/** Exports of the model in other formats; they hold the old length. */
const EXPORT_FOLDERS = /^(onnx|openvino|coreml|tflite)\//;

/** What we write ourselves, or the modelling code of an earlier conversion. */
const REPLACED = /^(config\.json|README\.md|lsg_conversion\.json|(modeling_)?lsg_\w+\.py)$/;

export interface SideFileInputs {
  /** Sizes in bytes by path. */
  readonly files: ReadonlyMap<string, { readonly size: number }>;
  /** Contents of those that limit a length, and of modules.json. */
  readonly contents: ReadonlyMap<string, Buffer>;
  /** Contents of files that are not to be as they lie in the source. */
  readonly rewritten: ReadonlyMap<string, Buffer> | undefined;
  /** JSON files that are not copied as they lie in the source. */
  readonly mended: FileSource["mended"];
  readonly length: Parameters<typeof raiseLength>[2];
  /** Python files to be put into the result. */
  readonly modeling: readonly string[];
  /** What the tokenizer gets. */
  readonly tokens: TokenIdMap;
}

/**
 * Divides a model's files: small ones stay, also a sentence-transformers module's own weights; the model's
 * weights and its exports don't.
 */
export function sortFiles(
  files: SideFileInputs["files"],
  modulesJson: Buffer | undefined,
): { kept: string[]; omitted: OmittedFile[] } {
  const modules = modulePaths(modulesJson);
  const kept: string[] = [];
  const omitted: OmittedFile[] = [];
  for (const [path, { size }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const reason = omissionReason(path, size, modules);
    if (reason === undefined) kept.push(path);
    else if (!isModelWeights(path)) omitted.push({ path, reason });
  }
  return { kept, omitted };
}

/** What becomes of the source's small files: all stay, lengths raised, tokens added, except for those we write anew. */
export function planSideFiles({
  files,
  contents,
  rewritten,
  mended,
  length,
  modeling,
  tokens,
}: SideFileInputs): {
  sideFiles: SideFile[];
  omitted: OmittedFile[];
} {
  const { kept, omitted } = sortFiles(files, contents.get(MODULES_FILE));
  const tokenFiles = Object.keys(tokens).length > 0 ? filesForTokens(contents) : { edited: [], created: [] };
  const sideFiles = kept
    .filter((path) => !REPLACED.test(path))
    .map((path): SideFile => {
      const changed = rewritten?.get(path);
      if (changed) {
        const content = mended?.get(path)?.content ?? changed;
        return { kind: "write", path, content: content.toString("utf8") };
      }
      const content = contents.get(path);
      const { edits } = content && limitsLength(path) ? raiseLength(path, content, length) : { edits: [] };
      if (tokenFiles.edited.includes(path)) return { kind: "edit", path, edits, addsTokens: true };
      const stays = edits.length === 0 && !mended?.has(path);
      return stays ? { kind: "copy", path } : { kind: "edit", path, edits };
    });
  for (const path of tokenFiles.created) {
    const { content } = raiseLength(path, addTokens(path, Buffer.from("{}"), tokens), length);
    sideFiles.push({ kind: "write", path, content: `${content}\n` });
  }
  sideFiles.push(...modeling.map((path) => ({ kind: "modeling" as const, path })));
  return { sideFiles, omitted };
}

function omissionReason(path: string, size: number, modules: ReadonlySet<string>): string | undefined {
  if (EXPORT_FOLDERS.test(path)) return "an export of the original";
  // A dense layer behind the transformer is a model of its own, and part of the whole.
  const isModule = modules.has(posix.dirname(path));
  if (!isModule && (WEIGHTS.test(path) || WEIGHT_INDEX.test(path))) return "weights";
  return size > MAX_SIDE_FILE_BYTES ? `${size} bytes, too large for a setting` : undefined;
}

/** The files of the weights themselves, which need no mention among what is left out. */
export function isModelWeights(path: string): boolean {
  return /^(model|pytorch_model)[\w.-]*\.(safetensors|bin)(\.index\.json)?$/.test(path);
}

/** Folders of a sentence-transformers model's modules behind the transformer. */
function modulePaths(modulesJson: Buffer | undefined): ReadonlySet<string> {
  const modules = modulesJson ? parseModules(modulesJson) : [];
  return new Set(modules.flatMap(({ path }) => (path === "" ? [] : [path])));
}

/** What owners put beside a model, and loaders don't read. */
export const HARMLESS =
  /(^|\/)(LICEN[CS]E|NOTICE|\.git(attributes|ignore)|\.DS_Store)[\w.-]*$|\.(md|png|jpe?g|gif|svg|pdf|html)$/i;

/** Whether anything that computes may read a file of that path. */
export function isRead(path: string): boolean {
  return !HARMLESS.test(path);
}
