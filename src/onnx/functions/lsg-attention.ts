import { OptionError } from "../../errors.js";
import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import {
  ATTENTION_INPUTS,
  type HeadInputs,
  inHeads,
  RELATIVE_INPUTS,
  scale,
  sizeOf,
  swapHeads,
  transposeLast,
  vector,
  weigh,
} from "./attend.js";
import { fullAttentionBody } from "./full-attention.js";
import { isShort, type LongInputs, type LsgAttentionOptions, prependedTokens } from "./lsg-inputs.js";
import { addBiasOfGlobals, addWindowBias, faintScore, withBiasOfGlobals } from "./relative-blocks.js";
import { effectiveSparsity, sparseKeys } from "./sparse/index.js";
import { paddedTokens } from "./sparse/tokens.js";
import { causalWindow, keyWindows } from "./windows.js";

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
 * The null key is global key 0 once more with this much less score. Beside the original its weight is
 * e^-40, far below rounding in any dtype, and whoever sees it sees global key 0 anyway. A key that is hidden
 * outright would do as well, but slowly: its weight underflows, and each underflow in a softmax costs a CPU
 * some hundred cycles.
 */
const FAINT = -40;

/**
 * The block form. All keys that any query sees are put in one sequence: globals, tokens, sparse keys, and a
 * null key that fills gaps. A block gathers the rows that it sees; then one product serves all blocks.
 * A key's bias is its last element and every query's last element is √head_dim, so that the scaled product is
 * the masked score: adding a mask afterwards would be one more pass over the largest tensor.
 */
function blockAttention(op: Op, inputs: HeadInputs, options: LsgAttentionOptions): Value {
  const { numHeads, causal, config } = options;
  const { block_size: blockSize, num_global_tokens: globals } = config;
  const { query, key, value, bias } = inputs;
  const prepended = prependedTokens(config);
  const length = sizeOf(op, query, 2);
  const blocks = op.Div(op.Add(op.Sub(length, prepended), blockSize - 1), blockSize);
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
  const allValues = sparse ? op.Concat(value, sparse.value, { axis: 2 }) : value;
  const last = op.Sub(sizeOf(op, allKeys, 2), 1);
  const rows = keyWindows(long, last);

  const [queries, keys] = withBiasOfGlobals(long, queryBlocksOf(long), allKeys);
  const keyBlocks = op.Gather(keys, rows, { axis: 2 });
  const valueBlocks = op.Gather(allValues, op.Mod(rows, last), { axis: 2 });
  const scores = addWindowBias(long, products(long, queries, keyBlocks), rows, sparse);
  const masked = causal ? op.Add(scores, causalWindow(long, sizeOf(op, rows, 1))) : scores;
  const context = weigh(op, masked, valueBlocks);

  const globalQueries = withRoot(long, op.Slice(query, [0], [globals], [2]), 0);
  const globalContext = causal
    ? op.Slice(value, [0], [globals], [2])
    : weigh(
        op,
        addBiasOfGlobals(long, op.MatMul(scale(op, globalQueries, options), transposeLast(op, ownKeys, 4))),
        value,
      );
  return inRows(long, context, globalContext);
}

/** (batch, heads, padded tokens, head_dim + 1): every token's query, without those of prepended globals. */
function queryBlocksOf(inputs: LongInputs): Value {
  const { op, query, length, config } = inputs;
  const prepended = prependedTokens(config);
  const own = prepended > 0 ? op.Slice(query, [prepended], op.Reshape(length, [1]), [2]) : query;
  return withRoot(inputs, own, op.Sub(op.Add(paddedTokens(inputs), prepended), length));
}

/** Queries with √head_dim as their last element, and `behind` more rows of it, which nothing reads. */
function withRoot({ op, headDim }: LongInputs, queries: Value, behind: number | Value): Value {
  const pads = vector(op, 0, 0, 0, 0, 0, 0, behind, 1);
  return op.Pad(queries, pads, op.scalarLike(Math.sqrt(headDim), queries));
}

/**
 * (batch, heads, blocks, block_size, columns): the scaled products of every block's queries and keys. Large blocks
 * are multiplied in parts, whose queries and products stay in a processor's nearest cache: 64 of 256 queries at a
 * time take a fifth less.
 */
function products(inputs: LongInputs, queries: Value, keyBlocks: Value): Value {
  const { op, config, blocks, numHeads } = inputs;
  const { block_size: blockSize } = config;
  const rows = blockSize > 128 && blockSize % 64 === 0 ? 64 : blockSize;
  const width = sizeOf(op, queries, 3);
  const columns = sizeOf(op, keyBlocks, 3);
  const parts = op.Reshape(queries, vector(op, 0, -1, blockSize / rows, rows, width));
  const keys = op.Reshape(keyBlocks, vector(op, 0, -1, 1, columns, width));
  const scores = op.MatMul(scale(op, parts, inputs), transposeLast(op, keys, 5));
  return op.Reshape(scores, vector(op, 0, numHeads, blocks, blockSize, columns));
}

/** The context of globals and tokens: (batch, length, heads, head_dim). One gather cuts padding and swaps the axes. */
function inRows(inputs: LongInputs, context: Value, globalContext: Value): Value {
  const { op, numHeads, headDim, config, length } = inputs;
  const ofHead = op.Mul(op.Range(0, numHeads, 1), paddedTokens(inputs));
  const token = op.Sub(op.Range(config.num_global_tokens, length, 1), prependedTokens(config));
  const rows = op.Add(op.Unsqueeze(token, [1]), ofHead);
  const own = op.Gather(op.Reshape(context, [0, -1, headDim]), rows, { axis: 1 });
  return op.Concat(swapHeads(op, globalContext), own, { axis: 1 });
}

/** Every key with its bias as one more element. @param bias (batch, heads or 1, keys) */
function withBias(op: Op, key: Value, bias: Value, numHeads: number): Value {
  return op.Concat(key, op.Expand(op.Unsqueeze(bias, [3]), [1, numHeads, 1, 1]), { axis: 3 });
}

/** What a viewer shows beside the function's name. */
function describe({ numHeads, headDim, causal, config, relative }: LsgAttentionOptions): string {
  const { block_size, num_global_tokens, first_token_is_global } = config;
  const globals = `${num_global_tokens} global tokens${first_token_is_global ? ", the first token among them" : ""}`;
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
