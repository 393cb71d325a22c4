import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type NodeProto } from "onnx-buf";
import { expect, test } from "vitest";
import { openWeights } from "../../../src/checkpoint/weight-reader.js";
import { copiedWeights } from "../../../src/onnx/copied-weights.js";
import { modelGraph } from "../../../src/onnx/graph.js";
import { modelBytes } from "../../../src/onnx/writer.js";
import { inputSource } from "../../../src/runtime/input-source.js";
import { sweepLengths } from "../../../src/runtime/lengths.js";
import { loadRuntime } from "../../../src/runtime/runtime.js";
import { openSession } from "../../../src/runtime/session.js";
import { proofOf } from "../../../src/verify/attention/variants.js";
import { outputDifference } from "../../../src/verify/model/comparison.js";
import { excess } from "../../../src/verify/model/difference.js";
import type { Subject } from "../../../src/verify/model/subject.js";
import { shortCheckpoint } from "../../support/short-checkpoint.js";
import { EVERY_VARIANT } from "../../support/variants.js";
import { longPair, SIZE } from "./windows-models.js";
import "../../support/one-thread.js";

/** What a hand may make of an operator. */
const OTHERS: Readonly<Record<string, string>> = {
  ...{ Add: "Sub", Sub: "Add", Mul: "Add", Min: "Max", Max: "Min", And: "Or", Or: "And" },
  ...{ Less: "LessOrEqual", LessOrEqual: "Less", GreaterOrEqual: "Greater", Greater: "GreaterOrEqual" },
  ...{ ReduceMin: "ReduceMax", ReduceMax: "ReduceMin", Not: "Identity" },
};

/** What has no effect on rows that have a token. */
const WITHOUT_EFFECT = [
  // Each of these rows begins with a token that every window repeats.
  "windows/Greater",
  // The last column is the first token's where there is none.
  "windows/Sub",
  // A second text cannot begin with the row, whose first token is of the first text.
  "windows/GreaterOrEqual_1",
  // Texts that are as long as each other take more than half of a window.
  "windows/LessOrEqual_1",
];

/** Changes a node; false where there is nothing to be made of it. */
function change(node: NodeProto): boolean {
  const { opType, input } = node;
  if (opType === "Where") node.input = [input[0], input[2], input[1]] as string[];
  else if (OTHERS[opType] === undefined) return false;
  else node.opType = OTHERS[opType];
  return true;
}

test("whatever operator of the plan is changed, outputs show it", async () => {
  const { model, config } = await longPair(await shortCheckpoint("roberta", SIZE), {
    architecture: "RobertaModel",
  });
  const runtime = await loadRuntime();
  const reader = await openWeights(model.checkpoint, () => ({}));
  const attention = { kind: "windows", config } as const;
  const bytes = await modelBytes(modelGraph(model, copiedWeights(reader), { attention, seed: 1 }));
  await reader.close();
  const inputs = inputSource(model, [], { without: config.window_separator });
  const makeBatch = proofOf(attention).hostileRows?.({
    converted: { model },
    inputs,
  } as unknown as Subject);
  const batches = sweepLengths(attention, 4 * SIZE).flatMap(
    (length, index) => makeBatch?.(length, length, index) ?? [],
  );
  const run = async (graph: Uint8Array) => {
    const session = await openSession(runtime, graph, { device: "cpu" });
    const outputs = [];
    for (const batch of batches) {
      const known = Object.entries(batch.inputs).filter(([name]) => session.inputNames.includes(name));
      outputs.push(await session.run(Object.fromEntries(known)));
    }
    await session.close();
    return outputs;
  };
  const expected = await run(bytes);
  const unseen: string[] = [];
  const nodes = fromBinary(ModelProtoSchema, bytes).graph?.node ?? [];
  let changed = 0;
  for (const [i, { name }] of nodes.entries()) {
    if (!name.startsWith("windows/") || (!EVERY_VARIANT && i % 3 > 0)) continue;
    const other = fromBinary(ModelProtoSchema, bytes);
    const node = other.graph?.node[i];
    if (!node || !change(node)) continue;
    changed++;
    // One that does not run is found as well.
    const found = await run(toBinary(ModelProtoSchema, other)).catch(() => undefined);
    const isSeen = expected.some((outputs, j) => excess(outputDifference(outputs, found?.[j] ?? {})) > 1);
    if (!isSeen) unseen.push(name);
  }
  expect(changed).toBeGreaterThan(20);
  expect(unseen.filter((name) => !WITHOUT_EFFECT.includes(name))).toEqual([]);
});
