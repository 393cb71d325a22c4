import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isRecord } from "../json/json-edit.js";
import { CONFIG_FILE } from "./checkpoint.js";

/** Keys of a model's configuration; lsg-converter's files of arguments have neither. */
const MODEL_KEYS = ["model_type", "architectures"];

/**
 * The folder that a path names. A model's configuration stands for the folder that it lies in; every other path, and the
 * id of a Hub model, is what it says.
 */
export async function namedFolder(path: string): Promise<string> {
  return (await isConfiguration(path)) ? dirname(path) : path;
}

/** Whether a path is that of a file which says what a model is: `config.json`, or JSON with a model's keys. */
export async function isConfiguration(path: string): Promise<boolean> {
  if (!path.endsWith(".json")) return false;
  if (!(await stat(path).catch(() => undefined))?.isFile()) return false;
  const content = await readFile(path, "utf8").then(parsed, () => undefined);
  if (isRecord(content) && "initial_model" in content) return false;
  // A damaged config.json still counts: opening it throws the error.
  return (
    basename(path) === CONFIG_FILE ||
    (isRecord(content) && MODEL_KEYS.some((key) => Object.hasOwn(content, key)))
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
