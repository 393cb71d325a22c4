import { expect, it } from "vitest";
import { nodeSharesOf } from "../../src/runtime/node-shares.js";

/** Only what counts of an event; the runtime writes more. */
function node(provider: string, op_name: string) {
  return { cat: "Node", name: `${op_name}_kernel_time`, dur: 3, args: { provider, op_name } };
}

it("counts node runs by provider, the largest share first", () => {
  const profile = JSON.stringify([
    { cat: "Session", name: "model_run", args: {} },
    node("CPUExecutionProvider", "Shape"),
    node("WebGpuExecutionProvider", "MatMul"),
    node("WebGpuExecutionProvider", "Add"),
    node("WebGpuExecutionProvider", "MatMul"),
    { cat: "Api", name: "MatMul&MatMul", args: { shapes: "" } },
  ]);
  expect(nodeSharesOf(profile)).toEqual([
    { provider: "WebGpuExecutionProvider", nodes: 3, share: 0.75, operators: ["Add", "MatMul"] },
    { provider: "CPUExecutionProvider", nodes: 1, share: 0.25, operators: ["Shape"] },
  ]);
});

it("finds no share where no node ran", () => {
  expect(nodeSharesOf('[{"cat": "Session", "name": "model_loading_uri", "args": {}}]')).toEqual([]);
});

it.each(["", "{}", '[{"name": "no category"}]', '[{"cat": "Node", "args": {"provider": 1}}]'])(
  "refuses what is no profile: %s",
  (profile) => {
    expect(() => nodeSharesOf(profile)).toThrow();
  },
);
