import type { Architecture } from "../architectures/architecture.js";
import { configClass } from "../architectures/class-names.js";
import { codeAutoMap } from "../architectures/modeling.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import {
  checkLsgConfig,
  effectiveSparsity,
  isSparse,
  LSG_CLASS_PREFIX,
  type LsgConfig,
  LsgConfigSchema,
} from "./lsg-config.js";
import type { KeptRows, VariantRow } from "./variant-row.js";

/** The reference's default for a key that only encoder-decoders have. */
export const DECODER_DEFAULTS = { pass_global_tokens_to_decoder: true };

/**
 * The LSG keys of an LSG checkpoint's config.
 * @throws CheckpointError or OptionError for values or combinations that don't work.
 */
export function readLsgConfig(config: Config, architecture: Architecture): LsgConfig {
  return parseLsgConfig(architecture, lsgKeys(config));
}

export function lsgKeys(config: Config): Record<string, unknown> {
  const keys = Object.keys(LsgConfigSchema.shape).filter((key) => config[key] !== undefined);
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
}

/** Leaves out the keys that only encoder-decoders have where there is no decoder. */
export function parseLsgConfig(
  { decoder }: Architecture,
  keys: Readonly<Record<string, unknown>>,
): LsgConfig {
  const own = Object.entries(keys).filter(([key]) => decoder || !Object.hasOwn(DECODER_DEFAULTS, key));
  const result = LsgConfigSchema.safeParse({ ...(decoder && DECODER_DEFAULTS), ...Object.fromEntries(own) });
  if (result.success) {
    checkLsgConfig(result.data);
    return result.data;
  }
  const issue = result.error.issues[0];
  throw new CheckpointError(`config.json: ${String(issue?.path[0])}: ${issue?.message}`);
}

/** Which rows stay by `--resize-lsg` and `--keep-first-global-token`. */
export function keptGlobalRows(isResized: boolean, keepsFirst: boolean): KeptRows {
  if (isResized) return "all";
  return keepsFirst ? "first" : "none";
}

/**
 * Up to two blocks every token sees every other one; and where the input's own first token is global token 0, no new
 * token is seen.
 */
function losslessLength(
  lsg: LsgConfig,
  maxLength: number,
  source?: LsgConfig,
  keptRows: KeptRows = "all",
): number {
  if (source) {
    if (readsNewGlobals(lsg, keptRows)) return 0;
    if (sameConfig(lsg, source)) return maxLength;
  }
  const all = [lsg, ...(source ? [source] : [])];
  return all.every(addsNothing) ? Math.min(maxLength, ...all.map(({ block_size }) => 2 * block_size)) : 0;
}

/** Whether global tokens have embeddings that those of an LSG source did not. The first may be the input's own first token. */
export function readsNewGlobals(lsg: LsgConfig, keptRows: KeptRows): boolean {
  const { first, others } = globalRowsRead(lsg);
  return keptRows !== "all" && (others || (first && keptRows !== "first"));
}

function addsNothing({ first_token_is_global, num_global_tokens, pool_with_global }: LsgConfig): boolean {
  return first_token_is_global && num_global_tokens === 1 && pool_with_global;
}

/**
 * Which rows of the table of global tokens a model reads: the first one, those behind it. Where each input's own first
 * token is the only global token, it reads no row.
 */
export function globalRowsRead({ first_token_is_global, num_global_tokens }: LsgConfig): {
  readonly first: boolean;
  readonly others: boolean;
} {
  return { first: !first_token_is_global, others: num_global_tokens > 1 };
}

/**
 * The config keys that make transformers open the LSG classes, and those that the classes read.
 * @param className what config.json is to call the checkpoint's class
 */
export function lsgConfigChanges(
  architecture: Architecture,
  className: string,
  lsg: LsgConfig,
): [string, unknown][] {
  return [
    ["architectures", [className]],
    ["auto_map", codeAutoMap(architecture, LSG_CLASS_PREFIX)],
    ["base_model_prefix", "lsg"],
    ...Object.entries(lsg),
  ];
}

function sameConfig(a: LsgConfig, b: LsgConfig): boolean {
  const keys = Object.keys({ ...a, ...b }) as (keyof LsgConfig)[];
  return keys.every((key) => a[key] === b[key]);
}

function describe(lsg: LsgConfig): string {
  const globals = lsg.num_global_tokens === 1 ? "1 global token" : `${lsg.num_global_tokens} global tokens`;
  const sparse = isSparse(lsg)
    ? `${lsg.sparse_block_size} sparse keys a side (${lsg.sparsity_type}, factor ${lsg.sparsity_factor})`
    : "no sparse part";
  const scaled =
    lsg.global_scaling_length === undefined
      ? ""
      : `, whose scores are scaled beyond ${lsg.global_scaling_length} tokens`;
  const own = lsg.first_token_is_global ? ", the first of them each input's own first token" : "";
  return `blocks of ${lsg.block_size}, ${sparse}, ${globals}${lsg.num_global_tokens === 1 && own ? ": each input's own first token" : own}${scaled}`;
}

/** Blocks that see their neighbours, sparse keys beyond these, and global tokens: ours or lsg-converter's. */
export const lsgRow = {
  title: "LSG",
  isLocal: true,
  code: { prefix: LSG_CLASS_PREFIX, opensPlain: false },
  autoMap: (architecture) => codeAutoMap(architecture, LSG_CLASS_PREFIX),
  takesGlobals: false,
  marks: (config) =>
    config.base_model_prefix === "lsg" || (configClass(config)?.startsWith(LSG_CLASS_PREFIX) ?? false),
  ownKey: undefined,
  read: readLsgConfig,
  ofFirstLayer: (lsg) => lsg,
  describe,
  widthOf: ({ block_size }) => `Blocks of ${block_size}`,
  isSparse,
  borderOf: ({ block_size }) => block_size,
  seenInFull: ({ block_size }) => 2 * block_size,
  scoresAtOnce: ({ block_size }, tokens) => Math.min(tokens, 2 * block_size) ** 2,
  outgrowsTable: false,
  isRandom: (lsg) => effectiveSparsity(lsg) === "lsh" && lsg.sparsity_factor > 1,
  losslessLength,
} as const satisfies VariantRow<LsgConfig>;
