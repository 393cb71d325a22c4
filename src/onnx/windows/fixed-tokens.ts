import type { WindowsConfig } from "../../attention/windows.js";
import type { Op, Value } from "../body.js";
import { sizeOf } from "../functions/attend.js";
import type { Spans } from "./spans.js";

/** What every window repeats of its row: so many of its first tokens, and of its last ones. (batch), int64. */
export interface FixedTokens {
  readonly head: Value;
  readonly tail: Value;
}

interface TextInputs {
  /** (batch, length), int64; types where they are an input of the model. */
  readonly inputIds: Value;
  readonly tokenTypeIds: Value | undefined;
}

/** Behind every column of an input. */
const NOWHERE = 2 ** 40;

/**
 * Those of the tokenizer's template; of a pair the shorter text as well, unless that takes more than half of a window.
 * The second text begins where the type changes, or, of models without types, behind the first separators.
 */
export function fixedTokens(op: Op, inputs: TextInputs, spans: Spans, config: WindowsConfig): FixedTokens {
  const { window_head: ownHead, window_tail: ownTail, window_separator: separator } = config;
  const { first, count } = spans;
  const column = op.Range(0, sizeOf(op, inputs.inputIds, 1), 1);
  const offset = op.Sub(column, op.Unsqueeze(first, [1]));
  const begins = secondText(op, inputs, { first, column, offset }, config);
  if (!begins) return { head: op.Add(op.Mul(count, 0), ownHead), tail: op.Add(op.Mul(count, 0), ownTail) };
  const end = op.Unsqueeze(op.Sub(count, ownTail), [1]);
  const isInside = op.And(op.GreaterOrEqual(offset, 1), op.Less(offset, end));
  const second = op.ReduceMin(op.Where(op.And(begins, isInside), offset, NOWHERE), {
    axes: [1],
    keepdims: 0,
  });
  const isPair = op.Less(second, NOWHERE);
  const left = op.Sub(count, second);
  const isFirstShorter = op.LessOrEqual(second, left);
  const head = op.Where(op.And(isPair, isFirstShorter), second, ownHead);
  // The separators before the second text come along.
  const withSeparators = op.Add(left, separator.length);
  const tail = op.Where(op.And(isPair, op.Not(isFirstShorter)), withSeparators, ownTail);
  const leavesRoom = op.LessOrEqual(op.Add(head, tail), Math.floor(config.window_size / 2));
  return { head: op.Where(leavesRoom, head, ownHead), tail: op.Where(leavesRoom, tail, ownTail) };
}

/** (batch, length): whether a second text may begin at a column; undefined where nothing tells. */
function secondText(
  op: Op,
  { inputIds, tokenTypeIds }: TextInputs,
  at: { readonly first: Value; readonly column: Value; readonly offset: Value },
  { window_head: head, window_separator: separator }: WindowsConfig,
): Value | undefined {
  if (tokenTypeIds) {
    const row = op.Range(0, sizeOf(op, tokenTypeIds, 0), 1);
    const firstPlace = op.Add(op.Mul(row, sizeOf(op, tokenTypeIds, 1)), at.first);
    const firstType = op.Gather(op.Reshape(tokenTypeIds, [-1]), firstPlace);
    return op.Not(op.Equal(tokenTypeIds, op.Unsqueeze(firstType, [1])));
  }
  if (separator.length === 0) return undefined;
  return separator.reduce(
    (found, id, i) => {
      const before = op.Max(op.Sub(at.column, separator.length - i), 0);
      return op.And(found, op.Equal(op.Gather(inputIds, before, { axis: 1 }), id));
    },
    op.GreaterOrEqual(at.offset, head + separator.length),
  );
}
