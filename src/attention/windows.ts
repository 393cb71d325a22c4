import { z } from "zod";
import type { Architecture, Head } from "../architectures/architecture.js";
import { configClass } from "../architectures/class-names.js";
import { codeAutoMap } from "../architectures/modeling.js";
import { isBase, taskOf } from "../architectures/tasks.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { isColbertConfig } from "../checkpoint/sentence-transformers/model-kind.js";
import { MAX_TOKENS } from "./lsg-config.js";
import type { VariantRow } from "./variant-row.js";

/** What the names of its classes begin with. */
export const WINDOWS_CLASS_PREFIX = "Windows";

/** Tokens that neighbouring windows share at least. */
export const DEFAULT_WINDOW_OVERLAP = 128;

/** Fewer leave no room between the tokens that every window repeats. */
export const MIN_WINDOW_SIZE = 8;

/** What stands for a row's first token, of which every window has one. */
export const MERGES = ["reader", "mean", "max", "logsumexp"] as const;
export type Merge = (typeof MERGES)[number];

/** What a class makes of a row's first token, which decides how its windows can be merged. */
export type FirstTokenUse =
  /** Logits, of it or of the pooler. */
  | "logits"
  /** Nothing by itself, but it is read: the base model's, which pooling of the first token takes. */
  | "state"
  /** Nothing: heads of tokens, pooling without it, a decoder that sees every token. */
  | "none"
  /** Where an answer begins and ends; the first token stands for no answer. */
  | "answers"
  /** Logits of a decoder, which runs on each window. */
  | "logits of a decoder";

/** How windows can be merged; the first is the default. */
export const MERGES_BY_USE: Readonly<Record<FirstTokenUse, readonly [Merge | "least", ...Merge[]]>> = {
  logits: ["reader", "mean", "max", "logsumexp"],
  state: ["reader", "mean"],
  none: ["mean"],
  answers: ["least"],
  "logits of a decoder": ["mean", "max", "logsumexp"],
};

/** @param head of a class of the architecture; undefined for one that is not known, whose base model is opened */
export function firstTokenUse({ decoder }: Architecture, head: Head | undefined): FirstTokenUse {
  if (!head || isBase(head)) return decoder ? "none" : "state";
  if (taskOf(head).outputByLabel) return "answers";
  const read = Object.values(head.outputs).map(({ from }) => from);
  if (read.includes("last end")) return "logits of a decoder";
  return read.includes("first token") || read.includes("pooler") ? "logits" : "none";
}

const count = z.int().nonnegative().max(MAX_TOKENS);

/** The keys that a folder of windows has in config.json, by their names there. */
export const WindowsConfigSchema = z.strictObject({
  /** Tokens of a window: as many as the source reads. */
  window_size: z.int().min(MIN_WINDOW_SIZE).max(MAX_TOKENS),
  /** A row's first tokens, which every window repeats. */
  window_head: count,
  /** Its last ones. */
  window_tail: count,
  /** Ids between the two texts of a pair. */
  window_separator: z.array(z.int().nonnegative()).readonly(),
  /** Tokens that neighbouring windows share at least. */
  window_overlap: count,
  /** By default that of the class which is opened. */
  window_merge: z.enum(MERGES).exactOptional(),
});

export type WindowsConfig = Readonly<z.output<typeof WindowsConfigSchema>>;

/**
 * How a model's windows are merged.
 * @throws CheckpointError if the config says how, and that does not go with what is made of the first token
 */
export function mergeOf({ window_merge: named }: WindowsConfig, use: FirstTokenUse): Merge | "least" {
  const [usual, ...others] = MERGES_BY_USE[use];
  if (named === undefined || named === usual || others.includes(named)) return named ?? usual;
  throw new CheckpointError(
    `config.json: window_merge is "${named}", which does not go with what is exported`,
    others.length > 0 ? `It can be ${[usual, ...others].join(", ")}.` : "Leave it out.",
  );
}

/** Whether windows may repeat a row's first token: all do, or those of pairs whose shorter text comes first. */
export function mayRepeatFirst(
  { window_head, window_separator }: WindowsConfig,
  readsTokenTypes: boolean,
): boolean {
  return window_head > 0 || readsTokenTypes || window_separator.length > 0;
}

/** @throws CheckpointError for values that don't work */
function readWindows(config: Config): WindowsConfig {
  const keys = Object.keys(WindowsConfigSchema.shape).filter((key) => config[key] != null);
  const result = WindowsConfigSchema.safeParse(Object.fromEntries(keys.map((key) => [key, config[key]])));
  const remedy = "Take the keys that lsg convert --to windows writes.";
  if (!result.success) {
    const issue = result.error.issues[0];
    const key = String(issue?.path[0]);
    const found = `config.json: ${key} is ${JSON.stringify(config[key]) ?? "missing"}`;
    throw new CheckpointError(`${found}: ${issue?.message}`, remedy);
  }
  const { window_size: size, window_head: head, window_tail: tail } = result.data;
  // As the plan's of a pair, and as the modelling code has it.
  if (head + tail <= size / 2) return result.data;
  throw new CheckpointError(
    `config.json: window_head ${head} and window_tail ${tail} are more than half of window_size, ${size}`,
    remedy,
  );
}

/** Tokens that neighbouring windows of one text share at least: no more than half of what a window has room for. */
export function sharedTokens({
  window_size,
  window_head,
  window_tail,
  window_overlap,
}: WindowsConfig): number {
  return Math.min(window_overlap, mostShared(window_size, window_head + window_tail));
}

/** The most that `window_overlap` can ask for. @param around tokens that every window repeats */
export function mostShared(size: number, around: number): number {
  return Math.max(0, Math.floor((size - around) / 2));
}

/** Scores of all windows of a single text. */
function scoresAtOnce(windows: WindowsConfig, tokens: number): number {
  const { window_size: size, window_head: head, window_tail: tail } = windows;
  const step = size - head - tail - sharedTokens(windows);
  const count = 1 + Math.ceil(Math.max(0, tokens - size) / step);
  return count * Math.min(tokens, size) ** 2;
}

/** The classes of windows; none is causal. */
export function windowsAutoMap(architecture: Architecture): Record<string, string> {
  return codeAutoMap(architecture, WINDOWS_CLASS_PREFIX, (head) => !taskOf(head).isCausal);
}

/** The source's own full attention, in windows as long as its inputs were: what a row's tokens give is put together. */
export const windowsRow = {
  title: "windows",
  isLocal: true,
  code: { prefix: WINDOWS_CLASS_PREFIX, opensPlain: true },
  autoMap: windowsAutoMap,
  takesGlobals: false,
  // A ColBERT keeps its name, by which its readers know it.
  marks: (config) =>
    (configClass(config)?.startsWith(WINDOWS_CLASS_PREFIX) ?? false) ||
    (isColbertConfig(config) && config.window_size != null),
  ownKey: undefined,
  read: readWindows,
  ofFirstLayer: (windows) => windows,
  describe: (windows) => `windows of ${windows.window_size} that share ${sharedTokens(windows)}`,
  widthOf: ({ window_size }) => `Windows of ${window_size}`,
  isSparse: () => false,
  borderOf: ({ window_size }) => window_size,
  seenInFull: ({ window_size }) => window_size,
  scoresAtOnce,
  outgrowsTable: true,
  isRandom: () => false,
  losslessLength: ({ window_size }, maxLength) => Math.min(window_size, maxLength),
} as const satisfies VariantRow<WindowsConfig>;
