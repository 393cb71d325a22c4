import type { Op, Value } from "../../body.js";
import { scale, sizeOf, transposeLast, vector, weigh } from "../attend.js";
import { byHeads, headGroups, joinHeads, windowsByHeads } from "../head-groups.js";
import { HIDDEN } from "../masks.js";
import type { WindowInputs } from "./inputs.js";
import { isWithin } from "./short-attention.js";

/**
 * Queries in a block. A block of B sees 2 · window + B keys, of which each query sees all but B − 1: small
 * blocks waste less, large ones gather a key less often. Measured in ONNX Runtime: windows from 16 to 512 on
 * either side are within 4 % of their best.
 */
export function blockSize(window: number): number {
  return Math.min(128, Math.max(32, 16 * Math.ceil(window / 32)));
}

/** Windows are filled up with null keys to whole vector registers, as those of the LSG op are. */
const WINDOW_MULTIPLE = 16;

/**
 * A null key fills gaps. It repeats the first global key with this much less score: its weight is e^-40,
 * far below rounding, and never an underflow, which costs a CPU some hundred cycles. Where there are no global
 * tokens it repeats the first token and is hidden.
 */
const FAINT = -40;

/** Blocks of queries and the keys that they see, as positions in the input and rows of the keys. */
interface Blocks {
  /** Scalar: the blocks of each of the `dilation` sequences of tokens that may be neighbours in a window. */
  readonly perSequence: Value;
  /** (blocks, block size). Positions beyond the end repeat the last one. */
  readonly queries: Value;
  /** (blocks, columns): global keys, the tokens from `window` before the block to `window` after it, null keys. */
  readonly rows: Value;
  /** Scalars: the global keys at a row's beginning and the null keys at its end. */
  readonly globals: Value;
  readonly fillers: Value;
}

/**
 * Window attention of inputs of any length: (batch, heads, length, head_dim). The keys are the global ones, the
 * tokens and a null key; a block gathers the rows that it sees, and one product serves all blocks of a few heads. As in
 * the LSG op, a key's bias is its last element.
 */
export function blockAttention(inputs: WindowInputs): Value {
  const { op, query, key, value, globals, numHeads, headDim, window } = inputs;
  const length = sizeOf(op, query, 2);
  const ownKeys = withBias(op, key, tokenBias(inputs));
  const keys = globals ? op.Concat(withBias(op, globals.key, globals.bias), ownKeys, { axis: 2 }) : ownKeys;
  const values = globals ? op.Concat(globals.value, value, { axis: 2 }) : value;
  const lessScore = op.constant("F32", [...Array<number>(headDim).fill(0), globals ? FAINT : HIDDEN]);
  const nullKey = op.Add(op.Slice(keys, [0], [1], [2]), op.CastLike(lessScore, key));
  const blocks = blocksOf(inputs, length);

  const groups = headGroups(numHeads, 2 * window + blockSize(window));
  const keyBlocks = windowsByHeads(op, op.Concat(keys, nullKey, { axis: 2 }), blocks.rows, groups);
  const valueBlocks = windowsByHeads(op, values, op.Mod(blocks.rows, sizeOf(op, keys, 2)), groups);
  const band = bandMask(inputs, blocks);
  const contexts = byHeads(op, query, groups, 1).map((own, i) => {
    const queries = op.Pad(own, [0, 0, 0, 0, 0, 0, 0, 1], op.scalarLike(Math.sqrt(headDim), query));
    const queryBlocks = op.Gather(queries, blocks.queries, { axis: 2 });
    const scores = op.MatMul(scale(op, queryBlocks, inputs, query), transposeLast(op, keyBlocks(i), 5));
    return weigh(op, op.Add(scores, band), valueBlocks(i));
  });
  const context = joinHeads(op, contexts, 1);
  return inOrder(inputs, op.Reshape(context, [0, 0, -1, headDim]), length, blocks);
}

/** (batch, length): the bias of tokens as keys of a window, which global tokens are not. */
function tokenBias({ op, bias, globals }: WindowInputs): Value {
  return globals ? op.Where(globals.isGlobal, op.scalarLike(HIDDEN, bias), bias) : bias;
}

/** Every key with its bias as one more element. @param bias (batch, keys) */
function withBias(op: Op, key: Value, bias: Value): Value {
  const shape = op.Concat(op.Shape(key, { start: 0, end: 3 }), [1], { axis: 0 });
  return op.Concat(key, op.Expand(op.Unsqueeze(bias, [1, 3]), shape), { axis: 3 });
}

/**
 * Tokens whose positions leave the same rest by `dilation` form a sequence of their own, in which windows have
 * no gaps. Blocks stand in the order of these sequences.
 */
function blocksOf({ op, globals: keys, window, dilation }: WindowInputs, length: Value): Blocks {
  const size = blockSize(window);
  const perSequence = op.Div(op.Add(length, dilation * size - 1), dilation * size);
  const count = op.Mul(perSequence, dilation);
  const block = op.Range(0, count, 1);
  const start = op.Add(op.Mul(op.Mod(block, perSequence), dilation * size), op.Div(block, perSequence));
  const positions = (from: number, to: number) =>
    op.Add(
      op.Unsqueeze(start, [1]),
      Array.from({ length: to - from }, (_, i) => dilation * (from + i)),
    );
  const inEachBlock = (row: Value, columns: Value) => op.Expand(row, vector(op, count, columns));

  const end = op.Sub(length, 1);
  const seen = positions(-window, window + size);
  const globals = keys ? sizeOf(op, keys.key, 2) : op.constant("I64", [0], []);
  const fillers = op.Mod(op.Neg(op.Add(globals, 2 * window + size)), WINDOW_MULTIPLE);
  const nullRow = op.Add(length, globals);
  const rows = op.Concat(
    ...(keys ? [inEachBlock(op.Range(0, globals, 1), globals)] : []),
    op.Where(isWithin(op, seen, 0, end), op.Add(seen, globals), nullRow),
    inEachBlock(nullRow, fillers),
    { axis: 1 },
  );
  return { perSequence, queries: op.Min(positions(0, size), end), rows, globals, fillers };
}

/** (block size, columns): hides the tokens that a block sees and one of its queries does not. */
function bandMask({ op, query, window }: WindowInputs, { globals, fillers }: Blocks): Value {
  const size = blockSize(window);
  const first = op.Unsqueeze(op.Range(0, size, 1), [1]);
  const column = op.Range(0, 2 * window + size, 1);
  const isSeen = isWithin(op, column, first, op.Add(first, 2 * window));
  const mask = op.Where(isSeen, op.scalarLike(0, query), op.scalarLike(HIDDEN, query));
  return op.Pad(mask, vector(op, 0, globals, 0, fillers));
}

/** The context of the blocks' tokens, put in the order of the input and cut to its length. */
function inOrder(
  { op, window, dilation }: WindowInputs,
  context: Value,
  length: Value,
  blocks: Blocks,
): Value {
  if (dilation === 1) return op.Slice(context, [0], op.Reshape(length, [1]), [2]);
  const position = op.Range(0, length, 1);
  const perSequence = op.Mul(blocks.perSequence, blockSize(window));
  const place = op.Add(op.Mul(op.Mod(position, dilation), perSequence), op.Div(position, dilation));
  return op.Gather(context, place, { axis: 2 });
}
