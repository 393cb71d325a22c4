import { posix } from "node:path";
import { CONFIG_FILE, parseJson } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { MODULES_FILE, parseModules } from "../../checkpoint/sentence-transformers/modules-json.js";
import { isRecord } from "../../json/json-edit.js";

/** Files with settings, by which Python's libraries decide what to load. */
const SETTINGS = /^(.*_)?config(_.*)?\.json$/;

/** Keys, at any depth of such a file, by which they run code or unpickle a file that the value names. */
const NAMES_CODE: ReadonlySet<string> = new Set([
  "auto_map",
  "custom_generate",
  "custom_pipeline",
  "custom_pipelines",
  "transformers_weights",
]);

/** Keys that name an implementation of attention; one with a slash is a kernel's repository, whose code is run. */
const NAMES_KERNEL: ReadonlySet<string> = new Set(["attn_implementation", "_attn_implementation"]);

/** Keys of config.json that are proven elsewhere (see `checkModeling`). */
const PROVEN = ["auto_map", "_attn_implementation"];

/** What transformers runs with `trust_remote_code=True` without that any file names it. */
const RUN_BY_NAME = /^custom_generate\/.*\.py$/;

/** Weights that are unpickled, if they are not passed over for safetensors files. */
const PICKLED = /^(pytorch_model.*|model.*|consolidated.*)\.(bin|pt|pth|ckpt|pkl)$/;

/** Packages that may name their own modules in modules.json. */
const KNOWN_MODULES = /^(sentence_transformers|pylate)\.[\w.]+$/;

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
    const isKernel = NAMES_KERNEL.has(key) && JSON.stringify(inner).includes("/");
    const isNamed = NAMES_CODE.has(key) && inner !== null;
    if (isKernel || isNamed) return [foreign(`${file}: ${path}${key}`, inner)];
    return namedIn(inner, file, `${path}${key}.`);
  });
}

function foreign(place: string, found: unknown): string {
  return `${place} is ${JSON.stringify(found)}, expected to be absent: it names what does not come with lsg`;
}
