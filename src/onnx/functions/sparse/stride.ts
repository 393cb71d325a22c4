import type { Value } from "../../body.js";
import type { LongInputs } from "../lsg-inputs.js";
import { paddedTokens, type SparseKeys, tokenBias, tokenRows } from "./tokens.js";

/** Every `sparsity_factor`-th token, each head beginning one token later than the one before. */
export function strideKeys(inputs: LongInputs): SparseKeys {
  const { op, config, numHeads } = inputs;
  const factor = config.sparsity_factor;
  const first = perHead(numHeads, (head) => head % factor);
  const shifts = op.constant("I64", first, [numHeads, 1]);
  return pickByHead(inputs, op.Add(op.Range(0, paddedTokens(inputs), factor), shifts));
}

/** In each block one run of block_size / sparsity_factor tokens, each head's behind the one before. */
export function blockStrideKeys(inputs: LongInputs): SparseKeys {
  const { op, config, numHeads } = inputs;
  const blockSize = config.block_size;
  const run = blockSize / config.sparsity_factor;
  const inBlock = perHead(numHeads * run, (i) => i % blockSize);
  const offsets = op.constant("I64", inBlock, [numHeads, 1, run]);
  const blockStart = op.Unsqueeze(op.Range(0, paddedTokens(inputs), blockSize), [1]);
  return pickByHead(inputs, op.Reshape(op.Add(offsets, blockStart), [numHeads, -1]));
}

/** @param positions (heads, picked): token positions */
function pickByHead(inputs: LongInputs, positions: Value): SparseKeys {
  const { op, numHeads, headDim, length } = inputs;
  const headStart = op.Mul(op.Unsqueeze(op.Range(0, numHeads, 1), [1]), length);
  const rows = op.Add(tokenRows(inputs, positions), headStart);
  const pick = (x: Value) => op.Gather(op.Reshape(x, [0, -1, headDim]), rows, { axis: 1 });
  return {
    key: pick(inputs.key),
    value: pick(inputs.value),
    bias: op.Gather(tokenBias(inputs), positions, { axis: 1 }),
    position: () => op.Unsqueeze(positions, [0]),
  };
}

function perHead(length: number, value: (i: number) => number): number[] {
  return Array.from({ length }, (_, i) => value(i));
}
