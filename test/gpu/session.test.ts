import { tmpdir } from "node:os";
import { expect, it } from "vitest";
import { SPARSITY_TYPES } from "../../src/attention/lsg-config.js";
import { lsgAttention } from "../../src/onnx/functions/lsg-attention.js";
import { prependedTokens } from "../../src/onnx/functions/lsg-inputs.js";
import { opOnlyModel } from "../../src/onnx/op-only.js";
import { modelBytes } from "../../src/onnx/writer.js";
import { loadRuntime } from "../../src/runtime/runtime.js";
import { openSession } from "../../src/runtime/session.js";
import type { NumberTensor } from "../../src/runtime/tensors.js";
import type { AttentionProblem } from "../../src/verify/definition/attention-problem.js";
import {
  HEADS,
  lsgConfig,
  problemOf,
  relativeError,
  rightPadded,
  SEED,
  TOLERANCE,
  WIDTH,
} from "../onnx/attention-cases.js";

const BLOCK = 8;
/** Operators of which attention has no other use than on queries, keys, values and scores. */
const COMPUTING = ["MatMul", "Pad", "Softmax", "Transpose"];
const LENGTHS = [1, BLOCK, 2 * BLOCK + 1, 3 * BLOCK + 5];

it.each([
  ...SPARSITY_TYPES.map((sparsity_type) => ({ sparsity_type, heads: HEADS, globals: 1 })),
  // Windows so wide that heads are computed in groups: more of them than a shader may have buffers, if each were one.
  { sparsity_type: "norm", heads: { numHeads: WIDTH, headDim: 1 }, globals: 500 } as const,
])(
  "$sparsity_type is computed on WebGPU and agrees with the CPU: $heads.numHeads heads, $globals globals",
  async ({ sparsity_type, heads, globals }) => {
    const config = lsgConfig({ sparsity_type, block_size: BLOCK, num_global_tokens: globals });
    const prepended = prependedTokens(config);
    const attention = lsgAttention({ ...heads, config, causal: false, seed: SEED });
    const model = await modelBytes(
      opOnlyModel({ ...heads, attention, prependedTokens: prepended, maskFirstToken: false, dtype: "F32" }),
    );
    const runtime = await loadRuntime();
    const cpu = await openSession(runtime, model, { device: "cpu", threads: 1 });
    const webgpu = await openSession(runtime, model, { device: "webgpu", threads: 1, profile: tmpdir() });
    for (const length of LENGTHS) {
      const rows = [rightPadded(length, length), rightPadded(Math.ceil(length / 2), length)];
      const inputs = inputsOf(problemOf(rows, prepended));
      const [expected, actual] = [await cpu.run(inputs), await webgpu.run(inputs)];
      expect(actual.context?.dims).toEqual([rows.length, prepended + length, WIDTH]);
      expect(relativeError(actual.context?.values ?? [], expected.context?.values ?? [])).toBeLessThan(
        TOLERANCE,
      );
    }
    const [first, second] = await webgpu.nodeShares();
    expect(first?.provider).toBe("WebGpuExecutionProvider");
    expect(first?.operators).toEqual(expect.arrayContaining(COMPUTING));
    // What is left to the CPU is arithmetic on shapes: a third of one op's nodes, but next to none of its time.
    expect(second?.provider).toBe("CPUExecutionProvider");
    expect(second?.operators.filter((name) => COMPUTING.includes(name))).toEqual([]);
    await cpu.close();
    await webgpu.close();
  },
);

function inputsOf({ batch, query, key, value, mask }: AttentionProblem): Record<string, NumberTensor> {
  const tensor = (values: ArrayLike<number>): NumberTensor => ({
    dims: [batch, values.length / batch / WIDTH, WIDTH],
    values,
    dtype: "float32",
  });
  return {
    query: tensor(query),
    key: tensor(key),
    value: tensor(value),
    attention_mask: { dims: [batch, mask.length / batch], values: mask, dtype: "int64" },
  };
}
