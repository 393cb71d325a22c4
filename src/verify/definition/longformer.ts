import { type AttentionProblem, forEachHead, type HeadProblem, weightedSum } from "./attention-problem.js";

/** What Longformer's attention is given beside queries, keys and values: global tokens and what they use. */
export interface LongformerProblem extends AttentionProblem {
  /** (batch, length): 0 for a token that is not global. Hidden tokens are never global. */
  readonly globalMask: ArrayLike<number>;
  /** The projections for global tokens, of all tokens: (batch, length, heads · head_dim). */
  readonly global: Pick<AttentionProblem, "query" | "key" | "value">;
}

export interface LongformerDefinition {
  /** Tokens that a token sees on either side. */
  readonly window: number;
  /** Distance between the tokens of a window, for each head. */
  readonly dilation: readonly number[];
}

/**
 * Longformer's attention as it is defined, token by token, in float64: a global token attends to every visible
 * token by its own projections, any other one to the visible tokens of its window and to the global ones. A
 * token's context does not depend on whether it is hidden itself. NaN for one that sees none.
 * @returns (batch, length, heads · head_dim)
 */
export function longformerAttentionByDefinition(
  problem: LongformerProblem,
  { window, dilation }: LongformerDefinition,
): Float64Array {
  const { globalMask, mask, batch, numHeads, headDim } = problem;
  const length = mask.length / batch;
  const isGlobal = (row: number, i: number) =>
    globalMask[row * length + i] !== 0 && mask[row * length + i] !== 0;
  const isWanted = (i: number) => problem.only?.queries.has(i) ?? true;
  const contexts = ({ queries, keys }: HeadProblem, sees: (i: number, j: number) => boolean) =>
    queries.map((query, i) =>
      isWanted(i)
        ? weightedSum(
            query,
            keys.filter((_, j) => sees(i, j)),
          )
        : new Float64Array(0),
    );
  const local = forEachHead(problem, 0, false, (head, row) => {
    const step = dilation[head.head] ?? 1;
    return contexts(head, (i, j) => {
      const distance = Math.abs(i - j);
      return isGlobal(row, j) || (distance <= window * step && distance % step === 0);
    });
  });
  const global = forEachHead({ ...problem, ...problem.global }, 0, false, (head) =>
    contexts(head, () => true),
  );
  const width = numHeads * headDim;
  return local.map((x, i) => {
    const token = Math.floor(i / width);
    return (isGlobal(Math.floor(token / length), token % length) ? global[i] : x) ?? Number.NaN;
  });
}
