import { z } from "zod";
import type { Architecture } from "../architectures/architecture.js";
import { configClass } from "../architectures/class-names.js";
import { codeAutoMap } from "../architectures/modeling.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
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
  window_separator: z.array(z.int().nonnegative()),
  /** Tokens that neighbouring windows share at least. */
  window_overlap: count,
  /** By default that of the class which is opened. */
  window_merge: z.enum(MERGES).exactOptional(),
});

export type WindowsConfig = Readonly<z.output<typeof WindowsConfigSchema>>;

/** @throws CheckpointError for values that don't work */
function readWindows(config: Config): WindowsConfig {
  const keys = Object.keys(WindowsConfigSchema.shape).filter((key) => config[key] != null);
  const result = WindowsConfigSchema.safeParse(Object.fromEntries(keys.map((key) => [key, config[key]])));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CheckpointError(`config.json: ${issue?.path.join(".")}: ${issue?.message}`);
}

/** Those of all windows of a single text. */
function scoresAtOnce(windows: WindowsConfig, tokens: number): number {
  const { window_size: size, window_head: head, window_tail: tail, window_overlap: overlap } = windows;
  const room = size - head - tail;
  const shared = Math.min(overlap, Math.floor(room / 2));
  const count = 1 + Math.ceil(Math.max(0, tokens - size) / (room - shared));
  return count * Math.min(tokens, size) ** 2;
}

/** The source's own full attention, in windows as long as its inputs were: what a row's tokens give is put together. */
export const windowsRow = {
  title: "windows",
  isLocal: true,
  code: { prefix: WINDOWS_CLASS_PREFIX, opensPlain: true },
  autoMap: (architecture: Architecture) => codeAutoMap(architecture, WINDOWS_CLASS_PREFIX),
  takesGlobals: false,
  marks: (config) => configClass(config)?.startsWith(WINDOWS_CLASS_PREFIX) ?? false,
  ownKey: undefined,
  read: readWindows,
  ofFirstLayer: (windows) => windows,
  describe: ({ window_size, window_overlap }) => `windows of ${window_size} that share ${window_overlap}`,
  widthOf: ({ window_size }) => `Windows of ${window_size}`,
  isSparse: () => false,
  borderOf: ({ window_size }) => window_size,
  seenInFull: ({ window_size }) => window_size,
  scoresAtOnce,
  outgrowsTable: true,
  isRandom: () => false,
  losslessLength: ({ window_size }, maxLength) => Math.min(window_size, maxLength),
} as const satisfies VariantRow<WindowsConfig>;
