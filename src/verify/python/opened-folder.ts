import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configClass } from "../../architectures/class-names.js";
import { type ModelingCode, refusalOf } from "../../architectures/modeling.js";
import { autoMap, codeOf } from "../../attention/variants.js";
import { CheckpointError } from "../../base/errors.js";
import { type Checkpoint, CONFIG_FILE, type Config } from "../../checkpoint/checkpoint.js";
import { CONFIG_KEYS } from "../../checkpoint/read-keys.js";
import { editTopLevel, fileSpans, isRecord, parseSpan } from "../../json/json-edit.js";
import { openedClass } from "../../model/classes.js";
import type { Model } from "../../model/model.js";
import { bringFile } from "../../runtime/workspace.js";

/** How transformers is to open the folder. */
export interface Opening {
  /** The class, or auto class, of transformers. */
  readonly class: string;
  /** Whether it is to run the Python files that lie there. */
  readonly code: boolean;
}

/** What a conversion to some variant writes into config.json for transformers to open it by. */
interface Written {
  /** The classes that come with the folder; undefined where transformers has them itself. */
  readonly classes: ReturnType<typeof autoMap>;
  /** What keeps transformers from opening its own class in their place. */
  readonly refusal: ModelingCode["refusal"];
}

/** Keys that transformers reads and that change no computation: names of other models, files and dtypes. */
const NOT_OPENED: ReadonlySet<string> = new Set([
  ...["_name_or_path", "auto_map", "dtype", "tokenizer_class", "torch_dtype", "transformers_version"],
  "task_specific_params",
]);

/** Tables by number or label; everything else of that form may name what transformers would load. */
const TABLES: ReadonlySet<string> = new Set(["id2label", "label2id", "pruned_heads"]);

/**
 * Writes the folder that Python is to see, where nothing is but what was proven: a config.json of keys that are known,
 * code from memory as it was hashed, and safetensors files. Whatever else lies in the converted folder (other code,
 * adapters, pickles, an index that leads elsewhere) is not there to be imported.
 */
export async function writeOpened(
  model: Model,
  modeling: ReadonlyMap<string, Buffer>,
  folder: string,
): Promise<Opening> {
  const { checkpoint } = model;
  await mkdir(folder, { recursive: true });
  const write = (name: string, content: string | Buffer) => writeFile(join(folder, name), content);
  for (const [name, content] of modeling) await write(name, content);
  const { kind } = model.attention();
  const classes = autoMap(kind, model.architecture);
  const own = codeOf(kind);
  const refusal = own ? refusalOf(own) : {};
  const content = await checkpoint.source.read(CONFIG_FILE);
  await write(CONFIG_FILE, openedConfig(content, model, { classes, refusal }));
  await bringWeights(checkpoint, folder, write);
  return openingOf(model, checkpoint.config, classes);
}

/**
 * The text of a config.json with what a model computes by; in place of every key that leads elsewhere stands what a
 * conversion writes. Numbers stay as they are spelled: to Python 0.0 is another type than 0.
 */
function openedConfig(
  content: Buffer,
  { architecture }: Model,
  { classes, refusal }: Pick<Written, "classes" | "refusal">,
): Buffer {
  const spans = fileSpans(content, CONFIG_FILE);
  const isKept = (key: string, value: unknown) =>
    CONFIG_KEYS.has(key) && !NOT_OPENED.has(key) && (isPlain(value) || TABLES.has(key));
  const left = [...spans].filter(([key, span]) => !isKept(key, parseSpan(content, span)));
  const own = Object.entries(classes ? { auto_map: classes, ...refusal } : {});
  const edits = new Map<string, unknown>([
    ...left.map(([key]) => [key, undefined] as const),
    ["model_type", architecture.modelType],
    ...own,
  ]);
  return editTopLevel(content, edits, spans);
}

/** A number, a word or a list of such. */
function isPlain(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isPlain) : !isRecord(value);
}

function openingOf({ architecture }: Model, config: Config, classes: Written["classes"]): Opening {
  const named = configClass(config) ?? "";
  if (!classes) return { class: openedClass(named, architecture), code: false };
  const opens = ([, path]: [string, string]) => path.endsWith(`.${named}`);
  return { class: Object.entries(classes).find(opens)?.[0] ?? "AutoModel", code: true };
}

/** Under names of our own, so that no index of the folder's decides which file is opened. */
async function bringWeights(
  { source, weightFiles, tensors }: Checkpoint,
  folder: string,
  write: (name: string, content: string) => Promise<void>,
): Promise<void> {
  const nameOf = new Map(weightFiles.map(({ path }, i) => [path, shardName(i, weightFiles.length)]));
  for (const { path, format } of weightFiles) {
    if (format !== "safetensors") throw pickled(path);
    await bringFile(source, path, folder, nameOf.get(path));
  }
  if (weightFiles.length === 1) return;
  const places = weightFiles.flatMap(({ path, tensorNames }) =>
    tensorNames.map((tensor) => [tensor, nameOf.get(tensors.get(tensor)?.file ?? path)] as const),
  );
  const index = { metadata: {}, weight_map: Object.fromEntries(places) };
  await write("model.safetensors.index.json", JSON.stringify(index));
}

function shardName(i: number, count: number): string {
  const number = (n: number) => String(n).padStart(5, "0");
  return count === 1 ? "model.safetensors" : `model-${number(i + 1)}-of-${number(count)}.safetensors`;
}

function pickled(path: string): CheckpointError {
  return new CheckpointError(
    `${path} is no safetensors file: Python would unpickle it`,
    "Convert the original again.",
  );
}
