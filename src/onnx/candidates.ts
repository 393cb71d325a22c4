import type { Head } from "../architectures/architecture.js";
import type { CandidateTokens } from "../tokenizer/candidate-tokens.js";
import type { Op, Value } from "./body.js";
import { sizeOf } from "./functions/attend.js";
import { globalIndex, tokensAt } from "./functions/longformer/global-index.js";
import { applyChain } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";
import { requireOneScore, type TaskOutput } from "./tasks.js";

export interface CandidateInputs {
  /** int64 (batch, length). */
  readonly inputIds: Value;
  /** The same. */
  readonly attentionMask: Value;
  readonly tokens: CandidateTokens;
}

/**
 * The scores of candidates: `logits` (num_candidates), the mean over the batch, whose rows are windows of one
 * document, and `window_logits` (batch_size, num_candidates). A row with fewer candidates than others has NaN for
 * those that it lacks: the windows are not those of one document.
 * @param hidden (batch, length, hidden)
 * @throws OptionError for a head with more than one label
 */
export function candidateScores(
  builder: ModelBuilder,
  head: Head,
  hidden: Value,
  { inputIds, attentionMask, tokens }: CandidateInputs,
): TaskOutput[] {
  const { op, model } = builder;
  requireOneScore(model.sizes.labels);
  const chain = Object.values(head.outputs)[0]?.chain ?? [];
  const starts = op.Cast(op.Equal(inputIds, tokens.start), { to: "I64" });
  const index = globalIndex(op, starts, attentionMask);
  const scores = op.Squeeze(applyChain(builder, chain, tokensAt(op, hidden, index)), [2]);
  const isToken = op.Less(index, sizeOf(op, inputIds, 1));
  const windows = op.Where(isToken, scores, op.scalarLike(Number.NaN, scores));
  const count = op.CastLike(sizeOf(op, inputIds, 0), windows);
  const mean = op.Div(op.ReduceSum(windows, [0], { keepdims: 0 }), count);
  return [
    { name: "logits", value: mean, dims: ["num_candidates"] },
    { name: "window_logits", value: windows, dims: ["batch_size", "num_candidates"] },
  ];
}

/**
 * The tokens that have global attention while candidates are scored: all up to the end of the last candidate, which
 * are the question and the candidates.
 * @param ids int64 (batch, length). @returns the same
 */
export function candidateGlobals(op: Op, ids: Value, { end }: CandidateTokens): Value {
  const position = op.Range(0, sizeOf(op, ids, 1), 1);
  const last = op.ReduceMax(op.Where(op.Equal(ids, end), position, -1), { axes: [1], keepdims: 1 });
  return op.Cast(op.LessOrEqual(position, last), { to: "I64" });
}
