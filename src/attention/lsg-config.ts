import { z } from "zod";
import { OptionError } from "../base/errors.js";

/** Rows of the table of global tokens; `num_global_tokens` of them are used. */
export const GLOBAL_TABLE_ROWS = 512;

/** No size in tokens is larger: a table of 2^20 rows of base width already takes 3 GB. */
export const MAX_TOKENS = 1 << 20;

/** What the names of a converted checkpoint's classes begin with. */
export const LSG_CLASS_PREFIX = "LSG";

/** How the sparse part picks keys; `none` and null, Python's `None`, switch it off. */
export const SPARSITY_TYPES = [
  "none",
  "norm",
  "pooling",
  "stride",
  "block_stride",
  "bos_pooling",
  "lsh",
] as const;

/**
 * The keys that an LSG checkpoint has in config.json, by their names there, in the order in which the
 * reference writes them. Flags, defaults (the reference's) and help are read from here.
 */
export const LsgConfigSchema = z.strictObject({
  adaptive: z.boolean().default(true).describe("shrink padding to what a batch needs"),
  block_size: z
    .int()
    .positive()
    .max(MAX_TOKENS)
    .default(128)
    .describe("tokens in a block; each sees its own and both neighbours"),
  first_token_is_global: z
    .boolean()
    .default(false)
    .describe("global token 0 is each input's own first token: nothing changes for short inputs"),
  global_scaling_length: z
    .int()
    .min(2)
    .max(MAX_TOKENS)
    .exactOptional()
    .describe("in rows of n tokens, if that is more: global tokens' scores times log n / log of this"),
  lsh_num_pre_rounds: z.int().nonnegative().default(1).describe("rounds of merging before lsh picks keys"),
  mask_first_token: z.boolean().default(false).describe("hide the first token, which global token 0 repeats"),
  num_global_tokens: z
    .int()
    .min(1)
    .max(GLOBAL_TABLE_ROWS)
    .default(1)
    .describe(`tokens that see, and are seen by, every token (1 to ${GLOBAL_TABLE_ROWS})`),
  pass_global_tokens_to_decoder: z
    .boolean()
    .exactOptional()
    .describe("encoder-decoders: the decoder sees the global tokens as well"),
  pool_with_global: z.boolean().default(true).describe("global token 0's output becomes the first token's"),
  sparse_block_size: z
    .int()
    .nonnegative()
    .max(MAX_TOKENS)
    .default(128)
    .describe("sparse keys on each side of the neighbours; 0: none"),
  sparsity_factor: z
    .int()
    .nonnegative()
    .max(MAX_TOKENS)
    .default(2)
    .describe("one key in so many is kept as a sparse key; 0: none"),
  sparsity_type: z.enum(SPARSITY_TYPES).nullable().default("norm").describe("how sparse keys are picked"),
});

/** The LSG keys of a config, complete. */
export type LsgConfig = z.output<typeof LsgConfigSchema>;

/** What `--preset` starts from. */
export const PRESETS = ["faithful", "reference"] as const;
export type Preset = (typeof PRESETS)[number];

/**
 * What a preset sets; where it is silent the schema's defaults hold.
 * Faithful blocks are half of what the source could read, so that up to that length every token sees every
 * other one through its own block and a neighbour.
 * @param maxLength tokens that the source can read, and the result too
 */
export function presetConfig(preset: Preset, maxLength: number): Partial<LsgConfig> {
  if (preset === "reference") return {};
  return {
    block_size: Math.ceil(maxLength / 2),
    first_token_is_global: true,
    num_global_tokens: 1,
    pass_global_tokens_to_decoder: false,
    sparsity_type: "none",
  };
}

/** Whether a config has a sparse part: each of three keys can switch it off. */
export function isSparse({ sparsity_type, sparsity_factor, sparse_block_size }: LsgConfig): boolean {
  return sparsity_type !== null && sparsity_type !== "none" && sparsity_factor > 0 && sparse_block_size > 0;
}

/**
 * Refuses keys that exclude each other, and sizes with which sparse keys would slip into the window of local ones, or
 * blocks would not divide: the reference then raises, or computes something else than its paper says.
 * @throws OptionError with the nearest sizes that work.
 */
export function checkLsgConfig(config: LsgConfig): void {
  if (config.mask_first_token && config.first_token_is_global) {
    throw new OptionError(
      "mask_first_token and first_token_is_global are both true; the second already hides the first token",
      "Add --no-first-token-is-global, or leave out --mask-first-token.",
    );
  }
  const { block_size: block, global_scaling_length: scaledFrom = Number.POSITIVE_INFINITY } = config;
  if (scaledFrom < 2 * block) {
    throw new OptionError(
      `global_scaling_length ${scaledFrom} is below two blocks of ${block}, up to which attention is full`,
      `Use --global-scaling-length ${2 * block}, or more.`,
    );
  }
  if (!isSparse(config)) return;
  const fault = sparseFault(config);
  if (!fault) return;
  const { block_size, sparse_block_size, sparsity_factor } = config;
  throw new OptionError(
    `block_size ${block_size}, sparse_block_size ${sparse_block_size} and sparsity_factor ${sparsity_factor} ` +
      `do not fit together: ${fault}`,
    `${nearestSizes(config)} Or switch the sparse part off with --sparsity-type none.`,
  );
}

function sparseFault(config: LsgConfig): string | undefined {
  const { block_size: block, sparse_block_size: sparse, sparsity_factor: factor, sparsity_type } = config;
  if (block % factor !== 0) return `block_size must be a multiple of sparsity_factor`;
  const keys = block / factor;
  if (keys % 2 !== 0) return `block_size / sparsity_factor is ${keys}, it must be even`;
  if (sparse <= 0.75 * keys)
    return `sparse_block_size must be above 0.75 × block_size / sparsity_factor = ${0.75 * keys}`;
  const chunk = Math.min(block, sparse);
  const isChunked = sparsity_type === "norm" || (sparsity_type === "lsh" && factor !== sparse);
  if (isChunked && block % chunk !== 0) {
    return `with sparsity_type ${sparsity_type}, block_size must be a multiple of sparse_block_size (or smaller than it)`;
  }
  if (isChunked && chunk % factor !== 0) {
    return `with sparsity_type ${sparsity_type}, sparse_block_size must be a multiple of sparsity_factor`;
  }
  if (isChunked && sparsity_type === "lsh" && chunk < 2 * factor) {
    return `lsh needs at least two buckets: sparse_block_size must be twice sparsity_factor or more`;
  }
  return undefined;
}

/** The working value nearest to what was asked, for each of the three sizes changed alone. */
function nearestSizes(config: LsgConfig): string {
  const suggestions = (["block_size", "sparse_block_size", "sparsity_factor"] as const).flatMap((key) => {
    const nearest = nearestWorking(config, key);
    return nearest === undefined ? [] : [`--${key.replaceAll("_", "-")} ${nearest}`];
  });
  return suggestions.length > 0 ? `Nearest that work: ${suggestions.join(", or ")}.` : "";
}

function nearestWorking(config: LsgConfig, key: "block_size" | "sparse_block_size" | "sparsity_factor") {
  const asked = config[key];
  for (let distance = 1; distance <= asked + config.block_size; distance++) {
    for (const value of [asked + distance, asked - distance]) {
      if (value > 0 && !sparseFault({ ...config, [key]: value })) return value;
    }
  }
  return undefined;
}

/** What picks sparse keys, `none` included. */
export type SparsityType = NonNullable<LsgConfig["sparsity_type"]>;

/** lsh with one bucket in each chunk has nothing to hash: it is defined as bos_pooling. */
export function effectiveSparsity(config: LsgConfig): SparsityType {
  const { sparsity_type: kind, sparsity_factor: factor, sparse_block_size: sparse } = config;
  if (kind === null || !isSparse(config)) return "none";
  return kind === "lsh" && factor === sparse ? "bos_pooling" : kind;
}
