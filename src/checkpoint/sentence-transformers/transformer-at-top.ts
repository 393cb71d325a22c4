import { posix } from "node:path";
import { CheckpointError } from "../../base/errors.js";
import { CONFIG_FILE } from "../checkpoint.js";
import { isHidden } from "../file-kinds.js";
import type { FileSource } from "../file-source.js";
import { MODULES_FILE, parseModules } from "./modules-json.js";

/** Files of the whole model: where the transformer has one of that name too, this one stays. */
const OF_THE_WHOLE =
  /^(README\.md|LICENSE\b.*|NOTICE\b.*|\.git\w+|modules\.json|config_sentence_transformers\.json)$/;

/** What makes a folder a transformer's: its config, or that of an adapter, to be refused by name. */
const TRANSFORMER_FILES = [CONFIG_FILE, "adapter_config.json"];

/**
 * Sees a sentence-transformers folder whose transformer lies in a subfolder (`0_Transformer/`) as
 * sentence-transformers saves it today: with the transformer at the top. Code that comes with a model is looked for
 * at the top, wherever its config lies (`get_cached_module_file` of transformers), so an LSG model has to be there.
 * @returns the source itself where its transformer is at the top, or where it has no modules
 */
export async function withTransformerAtTop(source: FileSource): Promise<FileSource> {
  if (!source.files.has(MODULES_FILE)) return source;
  const content = await source.read(MODULES_FILE);
  const folder = parseModules(content)[0]?.path ?? "";
  const isThere = (name: string) => source.files.has(posix.join(folder, name));
  // What is hidden does not come to the top.
  if (folder === "" || isHidden(`${folder}/`) || !TRANSFORMER_FILES.some(isThere)) return source;

  const places = newPlaces(source.files.keys(), `${folder}/`);
  const rewritten = new Map([[MODULES_FILE, atTop(content)]]);
  const placeOf = (path: string): string => {
    const place = places.get(path);
    if (place === undefined) throw new CheckpointError(`"${source.name}" has no file ${path}.`);
    return place;
  };
  return {
    ...source,
    files: new Map(
      [...places].map(([path, place]) => {
        const found = source.files.get(place);
        return [path, { ...found, size: rewritten.get(path)?.length ?? found?.size ?? 0 }];
      }),
    ),
    transformerFolder: folder,
    rewritten,
    read: async (path) => rewritten.get(path) ?? source.read(placeOf(path)),
    readRange: async (path, start, end) =>
      rewritten.get(path)?.subarray(start, end) ?? source.readRange(placeOf(path), start, end),
    localPath: (path, options) => source.localPath(placeOf(path), options),
  };
}

/** Where each file of the view lies. */
function newPlaces(paths: Iterable<string>, prefix: string): Map<string, string> {
  const places = new Map<string, string>();
  const moved = new Map<string, string>();
  for (const path of paths) {
    if (path.startsWith(prefix)) moved.set(path.slice(prefix.length), path);
    else places.set(path, path);
  }
  for (const [path, place] of moved) {
    if (!(places.has(path) && OF_THE_WHOLE.test(path))) places.set(path, place);
  }
  return new Map([...places].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** modules.json with its first module, whose path is the first one there, at the top. */
function atTop(content: Buffer): Buffer {
  return Buffer.from(content.toString("utf8").replace(/("path"\s*:\s*)"[^"]*"/, '$1""'));
}
