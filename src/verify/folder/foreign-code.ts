import { posix } from "node:path";
import { CONFIG_FILE, parseJson } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { MODULES_FILE, parseModules } from "../../checkpoint/sentence-transformers/modules-json.js";
import { isRecord } from "../../json/json-edit.js";

/** Files with settings, by which Python's libraries decide what to load. */
const SETTINGS = /^(.*_)?config(_.*)?\.json$/;

/** Packages that may name their own modules. */
const KNOWN_MODULES = /^(sentence_transformers|pylate)\.[\w.]+$/;

/** Allowed values of such a key: none at all, or a plain name where code would be a path. */
const NOTHING = /^(?!)/;
const NO_REPOSITORY = /^[^/]*$/;
const NO_OTHER_PACKAGE = /^([^.]*|torch\.nn\.[\w.]+)$/;

/**
 * Keys, at any depth of such a file, by which they run or import code, or unpickle a file, that the value names; and what it
 * may say. A kernel of attention lies in a repository; activations and modules are imported by their paths.
 */
const NAMES_CODE: Readonly<Record<string, RegExp>> = {
  auto_map: NOTHING,
  custom_generate: NOTHING,
  custom_pipeline: NOTHING,
  custom_pipelines: NOTHING,
  transformers_weights: NOTHING,
  attn_implementation: NO_REPOSITORY,
  _attn_implementation: NO_REPOSITORY,
  activation_fn: NO_OTHER_PACKAGE,
  activation_function: NO_OTHER_PACKAGE,
  sbert_ce_default_activation_function: NO_OTHER_PACKAGE,
  types: KNOWN_MODULES,
};

/** Keys of config.json that are proven elsewhere (see `checkModeling`). */
const PROVEN = ["auto_map", "_attn_implementation"];

/** What transformers runs with `trust_remote_code=True` although no file names it. */
const RUN_BY_NAME = /^custom_generate\/.*\.py$/;

/** Weights that are unpickled, if they are not passed over for safetensors files. */
const PICKLED = /^(pytorch_model.*|model.*|consolidated.*)\.(bin|pt|pth|ckpt|pkl)$/;

/**
 * Everything by which loaders would run code, or unpickle weights, that a conversion alone puts into no folder: it was the
 * original's, or somebody added it. A sentence each, with file, key and what was found.
 */
export async function foreignCode(source: FileSource): Promise<string[]> {
  const findings: string[] = [];
  for (const path of source.files.keys()) {
    const name = posix.basename(path);
    if (RUN_BY_NAME.test(path)) findings.push(`${path} is code that does not come with lsg`);
    if (PICKLED.test(path)) findings.push(`${path} is no safetensors file: loaders may unpickle it`);
    if (SETTINGS.test(name)) {
      const settings = parseJson(await source.read(path), path);
      findings.push(...namedIn(path === CONFIG_FILE ? withoutProven(settings) : settings, path));
    }
  }
  if (source.files.has(MODULES_FILE)) {
    for (const { type } of parseModules(await source.read(MODULES_FILE))) {
      if (!KNOWN_MODULES.test(type)) findings.push(foreign(`${MODULES_FILE}: type`, type));
    }
  }
  return findings;
}

function withoutProven(config: unknown): unknown {
  if (!isRecord(config)) return config;
  return Object.fromEntries(Object.entries(config).filter(([key]) => !PROVEN.includes(key)));
}

function namedIn(value: unknown, file: string, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((one, i) => namedIn(one, file, `${path}${i}.`));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const allowed = Object.hasOwn(NAMES_CODE, key) ? NAMES_CODE[key] : undefined;
    if (allowed && !textsIn(inner).every((text) => allowed.test(text))) {
      return [foreign(`${file}: ${path}${key}`, inner)];
    }
    return namedIn(inner, file, `${path}${key}.`);
  });
}

/** The values of a key that are texts, themselves or in lists and objects. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function foreign(place: string, found: unknown): string {
  return `${place} is ${JSON.stringify(found)}, expected to be absent: it names what does not come with lsg`;
}
