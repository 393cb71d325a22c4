import type { Value } from "../../body.js";
import { sizeOf, vector } from "../attend.js";
import type { LongInputs } from "../lsg-inputs.js";
import { paddedTokens, padTokens, type SparseKeys, tokenBias, tokenRows, visibility } from "./tokens.js";

/**
 * In each chunk of min(block_size, sparse_block_size) tokens, the one in `sparsity_factor` keys of largest
 * norm, smallest first; hidden keys count as 0. Of equal norms the earlier is the larger.
 */
export function normKeys(inputs: LongInputs): SparseKeys {
  const { op, config, numHeads } = inputs;
  const chunk = Math.min(config.block_size, config.sparse_block_size);
  const kept = Math.floor(chunk / config.sparsity_factor);
  const bias = tokenBias(inputs);

  const norms = padTokens(inputs, op.ReduceL2(inputs.key, { axes: [3], keepdims: 0 }));
  const seen = op.Mul(norms, op.Unsqueeze(visibility(inputs, bias), [1]));
  const [, largest] = op.TopK(op.Reshape(seen, [0, numHeads, -1, chunk]), [kept], { axis: -1 });
  const ascending = op.Slice(largest, [-1], [-kept - 1], [3], [-1]);
  const chunkStart = op.Unsqueeze(op.Range(0, paddedTokens(inputs), chunk), [1]);
  const positions = op.Reshape(op.Add(ascending, chunkStart), [0, numHeads, -1]);

  const rows = tokenRows(inputs, positions);
  return {
    key: pick(inputs, inputs.key, rows),
    value: pick(inputs, inputs.value, rows),
    bias: op.Gather(op.Reshape(bias, [-1]), op.Add(positions, rowStart(inputs, 1, sizeOf(op, bias, 1)))),
    position: () => positions,
  };
}

/** x (batch, heads, length, head_dim) at rows (batch, heads, picked): (batch, heads, picked, head_dim). */
function pick(inputs: LongInputs, x: Value, rows: Value): Value {
  const { op, numHeads, headDim, length } = inputs;
  return op.Gather(op.Reshape(x, [-1, headDim]), op.Add(rows, rowStart(inputs, numHeads, length)));
}

/** (batch, groups, 1): where each group's rows begin when batch and groups are flattened. */
function rowStart({ op, key }: LongInputs, groups: number, rows: Value): Value {
  const count = op.Mul(sizeOf(op, key, 0), groups);
  const shape = vector(op, -1, groups, 1);
  return op.Reshape(op.Mul(op.Range(0, count, 1), rows), shape);
}
