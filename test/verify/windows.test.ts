import { describe, expect, test } from "vitest";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { editGraph, editTensor, set, takenFrom } from "./damage.js";
import { checksOf, convertedSmallBert, failing, testCrimes, textOf } from "./support.js";

keepTokenizers();

const GRAPH = "onnx/model.onnx";
const given = { to: "windows", windowOverlap: 8, onnx: true };
const small = convertedSmallBert({}, given);
const wider = convertedSmallBert({}, { ...given, windowOverlap: 12 });

test("a folder of windows is sound: what is made of long inputs follows from the original", async () => {
  const checks = await checksOf(await small.copy(), { against: small.source }, "outputs");
  expect(failing(checks), JSON.stringify(checks, null, 1)).toEqual([]);
  const passed = checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id);
  expect(passed).toEqual(
    expect.arrayContaining([
      ...["plan", "config", "files", "weights", "modeling", "promise", "length", "attention-op"],
      ...["window-plan", "lossless", "lossless-head", "windows", "sweep", "reach", "predictions"],
      ...["graph-bytes", "graph-op", "graph"],
    ]),
  );
  expect(textOf(checks, "lossless")).toMatch(/up to 32 tokens, 3 rows each: no difference/);
  expect(textOf(checks, "windows")).toMatch(/beside the original on each window alone/);
});

test("without the original they follow from the same weights with full attention", async () => {
  const checks = await checksOf(await small.copy(), { against: "none" }, "outputs");
  expect(failing(checks), JSON.stringify(checks, null, 1)).toEqual([]);
  expect(textOf(checks, "windows")).toMatch(/beside the same weights with full attention on each window/);
});

describe("a folder of windows that was tampered with", () => {
  testCrimes(small, {
    "the overlap of its windows": {
      damage: set("config.json", "window_overlap", 12),
      fails: ["config", "promise", "graph-bytes", "graph"],
      says: /window_overlap is 12, expected 8/,
    },
    "the length of its windows": {
      damage: set("config.json", "window_size", 24),
      fails: ["config", "promise", "lossless", "lossless-head", "graph-bytes", "graph"],
      says: /window_size is 24, expected 32/,
    },
    "what every window repeats": {
      damage: set("config.json", "window_tail", 2),
      fails: ["config", "graph-bytes", "graph"],
      says: /window_tail is 2, expected 1/,
    },
    "how windows are merged": {
      damage: set("config.json", "window_merge", "max"),
      fails: ["config", "load"],
      says: /window_merge is "max", expected to be absent/,
    },
    "a weight": {
      damage: (folder) =>
        editTensor(folder, "bert.encoder.layer.0.output.dense.weight", (bytes) =>
          bytes.writeUInt8(bytes.readUInt8(2) ^ 64, 2),
        ),
      fails: [
        ...["weights", "lossless", "lossless-head", "windows", "predictions"],
        ...["graph-bytes", "graph"],
      ],
      says: /bert\.encoder\.layer\.0\.output\.dense\.weight/,
    },
    "the plan in its graph": {
      damage: editGraph(GRAPH, ({ graph }) => {
        const owner = graph?.node.find(({ name }) => name === "windows/Min_5");
        if (!owner) throw new Error("there is no such node");
        owner.opType = "Max";
      }),
      fails: ["graph-bytes", "graph"],
      says: /differs from byte/,
    },
    "its graph, from a conversion with other windows": {
      damage: takenFrom(wider, GRAPH),
      fails: ["graph-bytes", "graph"],
      says: /differs from byte/,
    },
  });
});
