import { OptionError } from "../../base/errors.js";
import type { OnnxFunction, Op, Value } from "../body.js";
import { defineFunction } from "../builder.js";
import {
  ATTENTION_INPUTS,
  type Heads,
  inHeads,
  maskedAttention,
  sizeOf,
  splitHeads,
  swapHeads,
  vector,
} from "./attend.js";
import { joinHeads } from "./head-groups.js";
import { blockAttention, blockSize } from "./longformer/block-attention.js";
import { rowNumbers, tokensAt } from "./longformer/global-index.js";
import type { GlobalKeys, WindowInputs } from "./longformer/inputs.js";
import { shortAttention } from "./longformer/short-attention.js";
import { HIDDEN } from "./masks.js";

export interface LongformerAttentionOptions extends Heads {
  /** Tokens that a token sees on either side: half of transformers' `attention_window`. */
  readonly window: number;
  /** Distance between the tokens of a window, for each head; 1 for a window without gaps. */
  readonly dilation: readonly number[];
  /** Whether there may be global tokens. Without, `GLOBAL_INPUTS` do not exist. */
  readonly globals: boolean;
}

/** What is given of global tokens, behind `ATTENTION_INPUTS`. */
export const GLOBAL_INPUTS = ["query_global", "key_global", "value_global", "global_index"] as const;

type Inputs<Names extends readonly string[]> = { readonly [K in Names[number]]: Value };

/**
 * Longformer's attention (Beltagy et al. 2020). A token attends to the tokens of its window and to the row's
 * global tokens, each once; a global token attends to every token, by projections of its own.
 * Inputs: `query`, `key`, `value` (batch, length, heads · head_dim) and `key_bias` (batch, length); with `globals`
 * also `query_global` (batch, globals, heads · head_dim) for the global tokens only, `key_global` and `value_global`
 * (batch, length, heads · head_dim), and `global_index` (batch, globals), as `globalIndex` makes it.
 * @throws OptionError for an invalid window or dilation
 */
export function longformerAttention(options: LongformerAttentionOptions): OnnxFunction {
  const dilation = perHead(options);
  const name = nameOf(options.window, dilation);
  const signature = { name, output: "context", doc: describe(options, dilation) };
  if (options.globals) {
    const inputs = [...ATTENTION_INPUTS, ...GLOBAL_INPUTS] as const;
    return defineFunction({ ...signature, inputs }, (op, values) =>
      withGlobals(op, values, options, dilation),
    );
  }
  return defineFunction({ ...signature, inputs: ATTENTION_INPUTS }, (op, values) =>
    inHeads(op, values, options, (heads) =>
      swapHeads(op, inGroups({ ...options, ...heads, op, globals: undefined }, dilation)),
    ),
  );
}

/** Window attention for all tokens, then the global tokens' own contexts in the place of theirs. */
function withGlobals(
  op: Op,
  inputs: Inputs<[...typeof ATTENTION_INPUTS, ...typeof GLOBAL_INPUTS]>,
  options: LongformerAttentionOptions,
  dilation: readonly number[],
): Value {
  const globals = globalTokens(op, { ...inputs, index: inputs.global_index }, options);
  const everything = maskedAttention(
    op,
    {
      query: splitHeads(op, inputs.query_global, options),
      key: splitHeads(op, inputs.key_global, options),
      value: splitHeads(op, inputs.value_global, options),
    },
    op.Unsqueeze(inputs.key_bias, [1, 2]),
    options,
  );
  return inHeads(op, inputs, options, (heads) => {
    const window = inGroups({ ...options, ...heads, op, globals }, dilation);
    const contexts = swapHeads(op, op.Concat(window, everything, { axis: 2 }));
    return op.Gather(op.Reshape(contexts, [-1, options.numHeads * options.headDim]), globals.source);
  });
}

/** Window attention of all heads, those of one dilation at a time. */
function inGroups(inputs: Omit<WindowInputs, "dilation">, dilation: readonly number[]): Value {
  const { op, globals } = inputs;
  const [first = 1, ...others] = new Set(dilation);
  if (others.length === 0) return windowAttention({ ...inputs, dilation: first });
  const groups = [first, ...others].map((distance) => ({
    distance,
    heads: dilation.flatMap((d, head) => (d === distance ? [head] : [])),
  }));
  const contexts = groups.map(({ distance, heads }) => {
    const pick = (x: Value) => op.Gather(x, heads, { axis: 1 });
    return windowAttention({
      ...inputs,
      numHeads: heads.length,
      dilation: distance,
      query: pick(inputs.query),
      key: pick(inputs.key),
      value: pick(inputs.value),
      globals: globals && { ...globals, key: pick(globals.key), value: pick(globals.value) },
    });
  });
  const order = groups.flatMap(({ heads }) => heads);
  const places = order.map((_, head) => order.indexOf(head));
  return op.Gather(joinHeads(op, contexts, 1), places, { axis: 1 });
}

/** Blocks, but for short inputs, where a block's window is wider than the input. */
function windowAttention(inputs: WindowInputs): Value {
  const { op, query, window } = inputs;
  const [context] = op.If(
    op.LessOrEqual(sizeOf(op, query, 2), 2 * window + blockSize(window)),
    () => [shortAttention(inputs)],
    () => [blockAttention(inputs)],
  );
  return context;
}

/** The dilation of each head. @throws OptionError for sizes that are not positive integers, one for each head */
function perHead({ window, dilation, numHeads }: LongformerAttentionOptions): readonly number[] {
  const isSize = (n: number) => Number.isInteger(n) && n > 0;
  if (!isSize(window)) {
    throw new OptionError(`a window of ${window} tokens on either side: expected a positive integer`);
  }
  const isOne = dilation.every((distance) => distance === 1);
  if (!dilation.every(isSize) || (dilation.length !== numHeads && !isOne)) {
    throw new OptionError(
      `dilations ${dilation.join(", ")}: expected a positive integer for each of ${numHeads} heads`,
    );
  }
  return isOne ? Array<number>(numHeads).fill(1) : dilation;
}

/** Layers may differ in both, and one name has one body. */
function nameOf(window: number, dilation: readonly number[]): string {
  const distances = new Set(dilation).size > 1 ? dilation : dilation.slice(0, 1);
  const gaps = distances.join() === "1" ? "" : `Dilation${distances.join("_")}`;
  return `LongformerAttention${2 * window}${gaps}`;
}

/** What a viewer shows beside the function's name. */
function describe(
  { numHeads, headDim, window, globals }: LongformerAttentionOptions,
  dilation: readonly number[],
): string {
  const gaps = dilation.some((distance) => distance > 1) ? `, ${dilation.join(", ")} apart by head` : "";
  return (
    `Sliding-window${globals ? " and global" : ""} attention in ${numHeads} heads of ${headDim}: ` +
    `${window} tokens on either side${gaps}. (batch, length, ${numHeads * headDim}) in and out.`
  );
}

interface GlobalTokens extends GlobalKeys {
  /**
   * int64 (batch, length): where each token's context is when those of every row stand in one list, first of its
   * tokens in their windows, then of its global tokens.
   */
  readonly source: Value;
}

/**
 * Global tokens as keys, by their ordinary projections.
 * @param key (batch, length, heads · head_dim), also `value`
 * @param index (batch, globals); from `length` on: a filler
 */
function globalTokens(
  op: Op,
  { key, value, index }: { readonly key: Value; readonly value: Value; readonly index: Value },
  heads: Heads,
): GlobalTokens {
  const [batch, length] = [sizeOf(op, key, 0), sizeOf(op, key, 1)];
  const isToken = op.Less(index, length);
  const total = op.Add(length, sizeOf(op, index, 1));
  const all = op.Range(0, op.Mul(batch, total), 1);
  const rowStart = op.Mul(rowNumbers(op, key), total);
  const own = op.Add(op.Range(length, total, 1), rowStart);
  // Each filler has a place that no token reads: no place is written twice.
  const place = op.Where(isToken, op.Add(index, rowStart), own);
  const source = op.ScatterND(all, op.Reshape(place, [-1, 1]), op.Reshape(own, [-1]));
  const ofTokens = (x: Value) =>
    op.Slice(op.Reshape(x, vector(op, batch, total)), [0], op.Reshape(length, [1]), [1]);
  return {
    key: splitHeads(op, tokensAt(op, key, index), heads),
    value: splitHeads(op, tokensAt(op, value, index), heads),
    bias: op.Where(isToken, op.scalarLike(0, key), op.scalarLike(HIDDEN, key)),
    isGlobal: ofTokens(op.Greater(source, all)),
    source: ofTokens(source),
  };
}
