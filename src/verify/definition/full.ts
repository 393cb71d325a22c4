import { type AttentionProblem, forEachHead, weightedSum } from "./attention-problem.js";

/** Full attention as it is defined, in float64. Queries are the last positions of the keys. */
export function fullAttentionByDefinition(problem: AttentionProblem, causal: boolean): Float64Array {
  return forEachHead(problem, 0, false, ({ queries, keys, bias }) => {
    const before = keys.length - queries.length;
    return queries.map((query, i) => {
      if (problem.only && !problem.only.queries.has(i)) return query.map(() => Number.NaN);
      return weightedSum(query, causal ? keys.slice(0, before + i + 1) : keys, ({ position }) =>
        bias(position - before - i),
      );
    });
  });
}
