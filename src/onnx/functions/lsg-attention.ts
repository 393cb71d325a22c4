import { effectiveSparsity, type SparsityType } from "../../attention/lsg-config.js";
import { OptionError } from "../../base/errors.js";
import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import {
  ATTENTION_INPUTS,
  type HeadInputs,
  inHeads,
  RELATIVE_INPUTS,
  scale,
  sizeOf,
  transposeLast,
  vector,
  weigh,
} from "./attend.js";
import { fullAttentionBody } from "./full-attention.js";
import { byHeads, headGroups, joinHeads, windowsByHeads } from "./head-groups.js";
import { isShort, type LongInputs, type LsgAttentionOptions, prependedTokens } from "./lsg-inputs.js";
import { HIDDEN } from "./masks.js";
import {
  addBiasOfGlobals,
  addWindowBias,
  faintScore,
  hasBiasOfSparse,
  keysWithBiasOfGlobals,
  queryElements,
  withElement,
} from "./relative-blocks.js";
import { lshKeys } from "./sparse/lsh.js";
import { normKeys } from "./sparse/norm.js";
import { bosPoolingKeys, poolingKeys } from "./sparse/pooling.js";
import { blockStrideKeys, strideKeys } from "./sparse/stride.js";
import { paddedTokens, type SparseKeys } from "./sparse/tokens.js";
import { causalWindow, keyWindows, windowColumns } from "./windows.js";

/**
 * Local, sparse and global attention. The inputs hold the prepended global tokens, then the row's tokens, of
 * any number. Up to two blocks every token sees every other one, so short inputs take full attention: there
 * the block form computes the same and pays for its padding.
 * @throws OptionError for causal attention with global tokens that are not the row's first
 */
export function lsgAttention(options: LsgAttentionOptions): OnnxFunction {
  const { config, causal } = options;
  if (causal && prependedTokens(config) + config.num_global_tokens !== 1) {
    throw new OptionError(
      `causal attention with ${config.num_global_tokens} global tokens, first_token_is_global ${config.first_token_is_global}: ` +
        "a global token that precedes the input would see what comes after it",
      "Use first_token_is_global with num_global_tokens 1, as --preset faithful does.",
    );
  }
  const signature = {
    name: causal ? "CausalLSGAttention" : "LSGAttention",
    inputs: [...ATTENTION_INPUTS, ...(options.relative ? RELATIVE_INPUTS : [])],
    output: "context",
    doc: describe(options),
  } as const;
  return defineFunction(signature, (op, inputs) =>
    inHeads(op, inputs, options, (heads) => {
      const [context] = op.If(
        isShort(op, sizeOf(op, heads.query, 2), config),
        () => [fullAttentionBody(op, heads, options)],
        () => [blockAttention(op, heads, options)],
      );
      return context;
    }),
  );
}

/**
 * Added to the score of the null key, a copy of global key 0: beside the original its weight is e^-40, far below
 * rounding in any dtype, and every token that sees it sees global key 0 as well. Masking it entirely would be slower:
 * its weight would underflow, and each underflow in a softmax costs a CPU some hundred cycles.
 */
const FAINT = -40;

/**
 * The block form. All keys that any query sees are put in one sequence: globals, tokens, sparse keys, and a
 * null key that fills gaps. A block gathers the rows that it sees; then one product serves all blocks of a few heads.
 * A key's bias is its last element and every query's last element is √head_dim, so that the scaled product is
 * the masked score: adding a mask afterwards would be one more pass over the largest tensor.
 */
function blockAttention(op: Op, inputs: HeadInputs, options: LsgAttentionOptions): Value {
  const { numHeads, causal, config } = options;
  const { block_size: blockSize, num_global_tokens: globals } = config;
  const { query, key, value, bias } = inputs;
  const length = sizeOf(op, query, 2);
  const blocks = op.Div(op.Add(op.Sub(length, prependedTokens(config)), blockSize - 1), blockSize);
  const long: LongInputs = { ...options, ...inputs, op, length, blocks };

  const sparse = sparseKeys(long);
  const ownKeys = withBias(op, key, op.Unsqueeze(bias, [1]), numHeads);
  const nullKey = op.Add(op.Slice(ownKeys, [0], [1], [2]), faintScore(long, FAINT));
  const allKeys = op.Concat(
    ownKeys,
    ...(sparse ? [withBias(op, sparse.key, sparse.bias, numHeads)] : []),
    nullKey,
    { axis: 2 },
  );
  const last = op.Sub(sizeOf(op, allKeys, 2), 1);
  const rows = keyWindows(long, last);
  const groups = headGroups(numHeads, windowColumns(config, causal).filledTo);
  const keyBlocks = windowsByHeads(op, keysWithBiasOfGlobals(long, allKeys), rows, groups);
  const allValues = sparse ? op.Concat(value, sparse.value, { axis: 2 }) : value;
  const valueBlocks = windowsByHeads(op, allValues, op.Mod(rows, last), groups);
  const queryBlocks = queryBlocksOf(long);
  const hidden = causal ? causalWindow(long, sizeOf(op, rows, 1)) : undefined;

  const ofQueries = queryElements(long);
  const elements = ofQueries ? byHeads(op, ofQueries, groups, 0) : [];
  const positions =
    sparse && hasBiasOfSparse(long)
      ? byHeads(op, op.Expand(sparse.position(), [1, numHeads, 1]), groups, 1)
      : [];

  const contexts = inputsByHeads(long, groups).map((few, i) => {
    const queries = withElement(few, queryBlocks(few.query), elements[i]);
    const scores = addWindowBias(few, products(long, queries, keyBlocks(i)), rows, positions[i]);
    return weigh(op, hidden ? op.Add(scores, hidden) : scores, valueBlocks(i));
  });

  const globalQueries = withRoot(long, 0)(scaled(long, op.Slice(query, [0], [globals], [2])));
  const globalContext = causal
    ? op.Slice(value, [0], [globals], [2])
    : weigh(
        op,
        addBiasOfGlobals(long, op.MatMul(scale(op, globalQueries, options), transposeLast(op, ownKeys, 4))),
        value,
      );
  return inRows(long, contexts, globalContext);
}

const KINDS: Record<Exclude<SparsityType, "none">, (inputs: LongInputs) => SparseKeys> = {
  norm: normKeys,
  pooling: poolingKeys,
  stride: strideKeys,
  block_stride: blockStrideKeys,
  bos_pooling: bosPoolingKeys,
  lsh: lshKeys,
};

/**
 * The keys that the sparse part adds to the tokens' own, block_size / sparsity_factor for each block;
 * none where it is off, or where factor 1 keeps every token.
 */
function sparseKeys(inputs: LongInputs): SparseKeys | undefined {
  const { config } = inputs;
  const kind = effectiveSparsity(config);
  return kind === "none" || config.sparsity_factor === 1 ? undefined : KINDS[kind](inputs);
}

/** What each group of heads attends with; keys and values are gathered elsewhere. */
function inputsByHeads(inputs: LongInputs, groups: readonly number[]): LongInputs[] {
  const { op, relativeBias, biasByOffset } = inputs;
  const queries = byHeads(op, inputs.query, groups, 1);
  const relative = relativeBias && byHeads(op, relativeBias, groups, 0);
  const offsets = biasByOffset && byHeads(op, biasByOffset, groups, 0);
  return groups.map((numHeads, i) => ({
    ...inputs,
    numHeads,
    query: queries[i] as Value,
    relativeBias: relative?.[i],
    biasByOffset: offsets?.[i],
  }));
}

/**
 * (batch, heads, length, head_dim) → (batch, heads, padded tokens, head_dim + 1): every token's query, without those of
 * prepended globals.
 */
function queryBlocksOf(inputs: LongInputs): (query: Value) => Value {
  const { op, length, config } = inputs;
  const prepended = prependedTokens(config);
  const end = op.Reshape(length, [1]);
  const root = withRoot(inputs, op.Sub(op.Add(paddedTokens(inputs), prepended), length));
  return (query) => root(prepended > 0 ? op.Slice(query, [prepended], end, [2]) : query);
}

/** Queries with √head_dim as their last element, and `behind` more rows of it, which nothing reads. */
function withRoot({ op, query, headDim }: LongInputs, behind: number | Value): (queries: Value) => Value {
  const pads = vector(op, 0, 0, 0, 0, 0, 0, behind, 1);
  const root = op.scalarLike(Math.sqrt(headDim), query);
  return (queries) => op.Pad(queries, pads, root);
}

/**
 * Queries of global tokens, by which their scores grow with the number n of their row's visible tokens: times
 * log n / log `global_scaling_length` where n is more than that. A softmax over more keys stays as sharp as it was over
 * those that the model was trained with (scalable softmax, Nakanishi 2025).
 * @param queries (batch, heads, globals, head_dim)
 */
function scaled({ op, bias, config }: LongInputs, queries: Value): Value {
  const { global_scaling_length: from } = config;
  if (from === undefined) return queries;
  const isVisible = op.Greater(bias, op.scalarLike(HIDDEN / 2, bias));
  // Counted in float32, which has a logarithm everywhere and holds every whole number up to 2^24.
  const keys = op.ReduceSum(op.Cast(isVisible, { to: "F32" }), [1]);
  const tokens = op.Sub(keys, op.constant("F32", [prependedTokens(config)]));
  const factor = op.Div(op.Log(tokens), op.constant("F32", [Math.log(from)]));
  const isMore = op.Greater(tokens, op.constant("F32", [from]));
  const ofRow = op.Where(isMore, factor, op.constant("F32", [1]));
  return op.Mul(queries, op.CastLike(op.Unsqueeze(ofRow, [2, 3]), queries));
}

/** (batch, heads, blocks, block_size, columns): the scaled products of every block's queries and keys. */
function products(inputs: LongInputs, queries: Value, keyBlocks: Value): Value {
  const { op, query, config, headDim, relative } = inputs;
  const width = headDim + (relative ? 2 : 1);
  const queryBlocks = op.Reshape(queries, [0, 0, -1, config.block_size, width]);
  return op.MatMul(scale(op, queryBlocks, inputs, query), transposeLast(op, keyBlocks, 5));
}

/**
 * The context of globals and tokens: (batch, length, heads, head_dim). One gather cuts padding and swaps the axes.
 * @param contexts of some heads each, (batch, heads, blocks, block_size, head_dim)
 * @param globalContext (batch, heads, globals, head_dim)
 */
function inRows(inputs: LongInputs, contexts: readonly Value[], globalContext: Value): Value {
  const { op, numHeads, headDim, config, length } = inputs;
  const { num_global_tokens: globals } = config;
  const flat = [...contexts, globalContext].map((x) => op.Reshape(x, [0, -1, headDim]));
  const head = op.Range(0, numHeads, 1);
  const token = op.Unsqueeze(op.Sub(op.Range(globals, length, 1), prependedTokens(config)), [1]);
  const own = op.Add(token, op.Mul(head, paddedTokens(inputs)));
  const behindOwn = op.Mul(paddedTokens(inputs), numHeads);
  const ofGlobals = op.Add(op.Unsqueeze(op.Range(0, globals, 1), [1]), op.Mul(head, globals));
  const rows = op.Concat(op.Add(ofGlobals, behindOwn), own, { axis: 0 });
  return op.Gather(joinHeads(op, flat, 1), rows, { axis: 1 });
}

/** Every key with its bias as one more element. @param bias (batch, heads or 1, keys) */
function withBias(op: Op, key: Value, bias: Value, numHeads: number): Value {
  return op.Concat(key, op.Expand(op.Unsqueeze(bias, [3]), [1, numHeads, 1, 1]), { axis: 3 });
}

/** What a viewer shows beside the function's name. */
function describe({ numHeads, headDim, causal, config, relative }: LsgAttentionOptions): string {
  const { block_size, num_global_tokens, first_token_is_global, global_scaling_length } = config;
  const scaling =
    global_scaling_length === undefined || causal
      ? ""
      : `, with scores times log n / log ${global_scaling_length} in rows of more tokens, n`;
  const globals = `${num_global_tokens} global tokens${first_token_is_global ? ", the first token among them" : ""}${scaling}`;
  const kind = effectiveSparsity(config);
  const sparse =
    kind === "none"
      ? "no sparse keys"
      : `${config.sparse_block_size} sparse keys on each side (${kind}, factor ${config.sparsity_factor})`;
  return (
    `Local, sparse and global attention in ${numHeads} heads of ${headDim}: blocks of ${block_size}, ${globals}, ` +
    `${sparse}${causal ? ", causal" : ""}${relative ? ", scores biased by distance" : ""}. (batch, length, ${numHeads * headDim}) in and out.`
  );
}
