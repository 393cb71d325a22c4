import { posix } from "node:path";
import { CheckpointError } from "../base/errors.js";
import { listed } from "../base/listed.js";
import { JsonSyntaxError } from "../json/json-scan.js";
import {
  type JsonPath,
  type NonFinite,
  type StandardJson,
  standardJson,
  startsWithMark,
} from "../json/standard-json.js";
import { isLengthKey, limitsLength } from "../tokenizer/raise-length.js";
import type { FileSource, Mended } from "./file-source.js";
import { CONFIG_KEYS, GENERATION_KEYS, TOKENIZER_KEYS } from "./read-keys.js";

/** Places of a kind that a note names. */
const MAX_NAMED = 5;

/** What transformers writes for a tokenizer that knows no limit: `int(1e30)`. */
const NO_LIMIT = "1000000000000000019884624838656";

/** Files of which only some keys are read; whatever else has a name of these kinds is read as a whole. */
const SOME_KEYS: Readonly<Record<string, ReadonlySet<string>>> = {
  "config.json": CONFIG_KEYS,
  "generation_config.json": GENERATION_KEYS,
  "tokenizer_config.json": TOKENIZER_KEYS,
};

/** Files that belong to a tokenizer, to sentence-transformers or to a processor of inputs. */
const READ_AS_A_WHOLE =
  /^(tokenizer|vocab|merges|added_tokens|special_tokens_map|modules|(sentence|config_sentence)_[\w-]+|\w*processor_config|.*\.index)\.json$/;

/** Whether a file of a model is JSON, by its name. */
export function isJsonFile(path: string): boolean {
  return path.endsWith(".json") || limitsLength(path);
}

/**
 * A source whose JSON files are read as standard JSON, also where Python wrote NaN or the like. Files that are not JSON
 * at all stay as they are.
 */
export function withStandardJson(source: FileSource): FileSource {
  const mended = new Map<string, Mended>();
  return {
    ...source,
    mended,
    async read(path) {
      const content = await source.read(path);
      if (!isJsonFile(path)) return content;
      const standard = mendJson(path, content);
      if (!standard) return content;
      mended.set(path, standard);
      return standard.content;
    },
  };
}

/**
 * Makes a model's JSON file standard JSON.
 * @returns undefined where there is nothing to do, or nothing that could be done
 * @throws CheckpointError for a number that JSON does not have under a key that is read
 */
export function mendJson(path: string, content: Buffer): Mended | undefined {
  const standard = asStandard(path, content);
  if (!standard || standard.content === content) return undefined;
  const { repeated, replaced } = standard;
  const lengths = replaced.filter(({ by }) => by === NO_LIMIT);
  const nulls = replaced.filter(({ by }) => by !== NO_LIMIT);
  const notes = [
    startsWithMark(content) && `${path} begins with a byte order mark, which is left out.`,
    repeated.length > 0 &&
      `${path} names ${listed(repeated.map(pathText), MAX_NAMED)} more than once: the last value counts.`,
    lengths.length > 0 && `${path}: ${listed(lengths.map(described), MAX_NAMED)}: it becomes the length.`,
    nulls.length > 0 &&
      `${path}: ${listed(nulls.map(described), MAX_NAMED)}, which JSON does not have: null is written.`,
  ];
  return {
    content: standard.content,
    notes: notes.filter((note) => note !== false),
    leavesLengthOpen: lengths.length > 0,
  };
}

function asStandard(path: string, content: Buffer): StandardJson | undefined {
  try {
    return standardJson(content, (place, value) => replacement(path, place, value));
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

function replacement(path: string, place: JsonPath, value: NonFinite): string {
  if (isLengthKey(path, place.join("."))) return NO_LIMIT;
  if (!isRead(path, place)) return "null";
  throw new CheckpointError(
    `${path}: ${pathText(place)} is ${value}, which JSON does not have; it is read, and nothing says what was meant`,
    "Write a number there, or remove the key for its default.",
  );
}

/** Whether something goes by the value at a place. */
function isRead(path: string, [key]: JsonPath): boolean {
  const name = posix.basename(path);
  const isNested = posix.dirname(path) !== ".";
  // A module's config.json, in a folder of its own, is another than the transformer's.
  if (name === "config.json" && isNested) return true;
  const keys = SOME_KEYS[name];
  return keys ? keys.has(String(key)) : READ_AS_A_WHOLE.test(name);
}

function described({ path, value }: StandardJson["replaced"][number]): string {
  return `${pathText(path)} is ${value}`;
}

function pathText(path: JsonPath): string {
  return path.length === 0 ? "the whole" : path.join(".");
}
