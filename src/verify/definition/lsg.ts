import { effectiveSparsity, type LsgConfig } from "../../attention/lsg-config.js";
import {
  type AttentionProblem,
  forEachHead,
  type HeadProblem,
  type Key,
  weightedSum,
} from "./attention-problem.js";
import { type LsgDefinition, SPARSE_DEFINITIONS } from "./sparse.js";

/**
 * Attention as it is defined, in float64: for each query the keys that it sees, the softmax of their scores,
 * the sum of their values. Blocks matter only for which keys those are. A query without any visible key has
 * no answer: NaN.
 * @returns (batch, total, heads · head_dim)
 */
export function lsgAttentionByDefinition(problem: AttentionProblem, definition: LsgDefinition): Float64Array {
  const { config, causal } = definition;
  const globals = config.num_global_tokens;
  const prepended = globals - (config.first_token_is_global ? 1 : 0);
  const isWanted = (query: number) => problem.only?.queries.has(query) ?? true;
  return forEachHead(problem, prepended, config.mask_first_token, (all) => {
    const global = all.keys.slice(0, globals);
    // A first token that is global is seen as such, and only once.
    const own = all.keys.map((key, i) => (i < globals ? undefined : key)).slice(prepended);
    const tokens = all.keys.slice(prepended).filter((key) => key !== undefined).length;
    const sparse = sparseKeys(definition, { ...all, queries: all.queries.slice(prepended), keys: own });
    return all.queries.map((query, i) => {
      if (!isWanted(i)) return new Float64Array(0);
      const token = Math.max(0, i - prepended);
      const bias = ({ position }: Key) => all.bias(position - token);
      if (i < globals && causal) return weightedSum(query, all.keys.slice(0, i + 1), bias);
      if (i < globals)
        return weightedSum(
          query.map((x) => x * scaling(config, tokens)),
          all.keys,
          bias,
        );
      const block = Math.floor(token / config.block_size);
      const start = (block - 1) * config.block_size;
      const end = causal ? token + 1 : (block + 2) * config.block_size;
      return weightedSum(
        query,
        [...global, ...slice(own, start, end), ...sparseOf(definition, sparse, block)],
        bias,
      );
    });
  });
}

/** By how much the scores of a row's global tokens grow, without their bias. @param tokens visible ones of the row */
function scaling({ global_scaling_length: from = Number.POSITIVE_INFINITY }: LsgConfig, tokens: number) {
  return tokens > from ? Math.log(tokens) / Math.log(from) : 1;
}

/** The sparse keys that a block sees: on each side those beyond its neighbours. */
function sparseOf({ config, causal }: LsgDefinition, sparse: readonly (Key | undefined)[], block: number) {
  const perBlock = config.block_size / config.sparsity_factor;
  const reach = config.sparse_block_size;
  if (sparse.length === 0) return [];
  const left = slice(sparse, (block - 1) * perBlock - reach, (block - 1) * perBlock);
  const right = slice(sparse, (block + 2) * perBlock, (block + 2) * perBlock + reach);
  return causal ? left : [...left, ...right];
}

function sparseKeys(definition: LsgDefinition, own: HeadProblem): readonly (Key | undefined)[] {
  const kind = effectiveSparsity(definition.config);
  if (kind === "none") return [];
  if (definition.config.sparsity_factor === 1) return own.keys;
  const blockSize = definition.config.block_size;
  const padded = Math.ceil(own.keys.length / blockSize) * blockSize;
  const keys = Array.from({ length: padded }, (_, i) => own.keys[i]);
  return SPARSE_DEFINITIONS[kind]({ ...own, keys }, definition);
}

/** `list[start, end)`; indices before the beginning are empty, not counted from the end. */
function slice<T>(list: readonly T[], start: number, end: number): T[] {
  return list.slice(Math.max(0, start), Math.max(0, end));
}
