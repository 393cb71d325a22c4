import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOp } from "../../src/commands/export-op.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { editGraph, editTensor } from "./damage.js";
import { converted, expectSound, testCrimes } from "./support.js";

keepTokenizers();

const SOURCE = join(FIXTURES, "mpnet", "checkpoint");
const TABLE = "mpnet.encoder.relative_attention_bias.weight";
/** Which of the two files has it. */
const SHARD = "model-00001-of-00002.safetensors";

test("an MPNet is sound by either preset", async () => {
  const options = { maxSequenceLength: 600, onnx: true };
  expect((await expectSound(SOURCE, options, [5, 512, 600])).promised).toBe(512);
  const sparse = { blockSize: 16, sparseBlockSize: 16, sparsityFactor: 4, sparsityType: "pooling" };
  const reference = { ...options, preset: "reference", ...sparse };
  expect((await expectSound(SOURCE, reference, [5, 600])).promised).toBe(0);
});

describe("a converted MPNet with", () => {
  testCrimes(converted(SOURCE, { maxSequenceLength: 600, blockSize: 16, onnx: true }), {
    "other biases": {
      damage: (folder) => editTensor(folder, TABLE, (bytes, row) => void bytes.fill(0, row, 2 * row), SHARD),
      fails: ["weights", "lossless", "lossless-head", "predictions", "graph-bytes", "graph"],
      says: /relative_attention_bias/,
    },
    "a graph that numbers the buckets otherwise": {
      damage: editGraph("onnx/model.onnx", ({ graph }) => {
        const constants = graph?.node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? [])) ?? [];
        constants.find(({ dims }) => dims.join() === "257")?.rawData.reverse();
      }),
      fails: ["graph-bytes", "graph"],
      says: /not what this version of lsg writes/,
    },
    "a graph whose blocks see the global token on the wrong side": {
      damage: editGraph("onnx/model.onnx", ({ functions: [attention] }) => {
        const nodes = attention?.node.flatMap(({ attribute }) => attribute.flatMap(({ g }) => g?.node ?? []));
        for (const node of nodes ?? []) if (node.opType === "Neg") node.opType = "Identity";
      }),
      fails: ["graph-bytes", "graph-op", "graph"],
      says: /at 96 tokens/,
      where: "graph-op",
    },
  });
});

test("the op alone takes the biases as the checkpoint holds them", async () => {
  const folder = await temporaryFolder();
  await exportOp(SOURCE, folder, parseExportOptions({ opOnly: true }));
  const { graph } = fromBinary(ModelProtoSchema, readFileSync(join(folder, "attention.onnx")));
  expect(graph?.input.map(({ name }) => name)).toEqual([
    "query",
    "key",
    "value",
    "attention_mask",
    "relative_attention_bias",
  ]);
});

test("a table without all of the buckets is refused", async () => {
  const source = await changedCheckpoint(SOURCE, { config: { relative_attention_num_buckets: 16 } });
  await expect(convert(source, join(source, "..", "out"), parseConvertOptions({}))).rejects.toThrow(
    "config.json: relative_attention_num_buckets is 16; MPNet uses 32 buckets",
  );
});

test("there is no Longformer with biases", async () => {
  const output = join(await temporaryFolder(), "out");
  await expect(convert(SOURCE, output, parseConvertOptions({ to: "longformer" }))).rejects.toThrow(
    "--to longformer: MPNet has no Longformer variant: its attention has relative biases, and Longformer's does not",
  );
});
