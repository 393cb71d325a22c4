import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { modelTypes } from "../../src/architectures/architectures.js";
import { FULL } from "../../src/attention/variants.js";
import type { WindowsConfig } from "../../src/attention/windows.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import type { Model } from "../../src/model/model.js";
import { openModel } from "../../src/model/open.js";
import type { OnnxModel } from "../../src/onnx/builder.js";
import { weightsIn } from "../../src/onnx/dtype-weights.js";
import { encoderGraph, type GraphOptions, headGraph, modelGraph } from "../../src/onnx/graph.js";
import type { WeightSource } from "../../src/onnx/weights.js";
import { FIXTURES } from "../support/fixtures.js";
import { type Inputs, type OutputTensor, relativeDifference, runModel } from "../support/onnx.js";
import { open } from "./graphs.js";
import { TOLERANCE } from "./model-cases.js";
import { byDefinition, drawing, type Row, rowOf } from "./windows-by-hand.js";

const SIZE = 24;
const KEYS: WindowsConfig = {
  ...{ window_size: SIZE, window_head: 1, window_tail: 1, window_separator: [], window_overlap: 6 },
};

/** Model types whose attention is full: Longformers and LEDs have no windows. */
const TYPES = modelTypes().filter((type) => !["longformer", "led"].includes(type));

type Graph = (model: Model, source: WeightSource, options: GraphOptions) => OnnxModel;

async function checkpoint(modelType: string, dtype: "fp32" | "fp16" | "q8" | "q4" = "fp32") {
  const model = await openModel(await openFolder(join(FIXTURES, modelType, "checkpoint"))).model();
  const reader = await openWeights(model.checkpoint, () => ({}));
  onTestFinished(() => reader.close());
  const source = weightsIn(dtype, reader, false);
  const start = async (graph: OnnxModel) => {
    const session = await open(graph);
    onTestFinished(() => session.release());
    return session;
  };
  return {
    model,
    source,
    start,
    inWindows: (keys: WindowsConfig, graph: Graph = modelGraph, task?: string) =>
      start(graph(model, source, { attention: { kind: "windows", config: keys }, seed: 1, task })),
    whole: (graph: Graph = modelGraph, task?: string) =>
      start(graph(model, source, { attention: FULL, seed: 1, task })),
  };
}

function padId(modelType: string): number {
  const config = JSON.parse(readFileSync(join(FIXTURES, modelType, "checkpoint", "config.json"), "utf8"));
  return config.pad_token_id ?? 1;
}

/** Rows as inputs of a graph; of an encoder-decoder that generates also some tokens of the decoder's. */
function inputsOf(session: ort.InferenceSession, rows: readonly Row[], pad: number): Inputs {
  const tensor = (of: (row: Row) => readonly number[]) => ({
    dims: [rows.length, rows[0]?.mask.length ?? 0],
    values: rows.flatMap(of),
  });
  const all = {
    input_ids: tensor(({ ids }) => ids.map((id) => (id === 0 ? pad : id))),
    attention_mask: tensor(({ mask }) => mask),
    token_type_ids: tensor(({ types }) => types),
    decoder_input_ids: {
      dims: [rows.length, 5],
      values: rows.flatMap((_, row) => [2, 20, 21, 22 + row, 23]),
    },
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => session.inputNames.includes(name)));
}

/** A batch of rows with so many tokens each: padding alternates between the sides, tokens are hidden here and there. */
function batch(
  counts: readonly number[],
  length: number,
  pairs: readonly (number | undefined)[] = [],
): Row[] {
  const draw = drawing(length);
  return counts.map((count, row) => {
    const before = row % 2 === 0 ? 0 : length - count;
    const holes = count > 6 ? [2 + row, count - 3] : [];
    return rowOf({ length, before, count, holes, pair: pairs[row] }, [], () => 10 + draw(80));
  });
}

describe.each(TYPES)("%s", (modelType) => {
  const pad = padId(modelType);

  test("up to one window every output is the source's, bit for bit, whatever the mask", async () => {
    const { inWindows, whole } = await checkpoint(modelType);
    for (const task of [undefined, "feature-extraction"]) {
      const [windows, full] = [await inWindows(KEYS, modelGraph, task), await whole(modelGraph, task)];
      for (const [counts, length] of [
        [[1], 1],
        [[7, 3, 0], 7],
        [[SIZE, SIZE - 9], SIZE],
      ] as const) {
        const inputs = inputsOf(full, batch(counts, length), pad);
        const expected = await runModel(full, inputs);
        expect(await runModel(windows, inputs), `${task}, ${length} tokens`).toEqual(expected);
      }
    }
  });

  test("a row alone is the row in a batch, more padding changes nothing, and one without a token is finite", async () => {
    const { inWindows } = await checkpoint(modelType);
    const session = await inWindows(KEYS, encoderGraph);
    const counts = [3 * SIZE + 5, SIZE + 1, 2 * SIZE, 9, 0, SIZE];
    const length = Math.max(...counts);
    const rows = batch(counts, length);
    const { last_hidden_state: all } = await runModel(session, inputsOf(session, rows, pad));
    expect(all?.values.every(Number.isFinite)).toBe(true);
    for (const [row, count] of counts.entries()) {
      const { ids, types, mask } = rows[row] as Row;
      const first = row % 2 === 0 ? 0 : length - count;
      if (count === 0) continue;
      const expected = tokens(all, row, first, count);
      // Beyond a window: up to there a row is read as it lies.
      for (const [before, behind] of [
        [0, SIZE + 1],
        [4, Math.max(0, SIZE - count)],
      ] as const) {
        const widen = (values: readonly number[]) => [
          ...new Array<number>(before).fill(0),
          ...values.slice(first, first + count),
          ...new Array<number>(behind).fill(0),
        ];
        const alone = { ids: widen(ids), types: widen(types), mask: widen(mask) };
        const { last_hidden_state: found } = await runModel(session, inputsOf(session, [alone], pad));
        const difference = relativeDifference(tokens(found, 0, before, count), expected);
        expect(difference, `row of ${count} tokens behind ${before}`).toBeLessThanOrEqual(TOLERANCE);
      }
    }
  });
});

/** Numbers of some tokens of a row of (batch, length, width), hidden ones too. */
function tokens(tensor: OutputTensor | undefined, row: number, first: number, count: number): Float32Array {
  if (!tensor) throw new Error("the graph has no such output");
  const [, length = 0, width = 0] = tensor.dims;
  return tensor.values.slice((row * length + first) * width, (row * length + first + count) * width);
}

test("where windows repeat no first token, those of pairs whose shorter text comes first do", async () => {
  const { inWindows, whole } = await checkpoint("bert");
  const keys = { ...KEYS, window_head: 0, window_tail: 0, window_merge: "mean" } as const;
  const session = await inWindows(keys, encoderGraph);
  const full = await whole(encoderGraph);
  const counts = [60, 60, 61];
  const rows = batch(counts, 61, [5, 55, undefined]);
  const { last_hidden_state: found } = await runModel(session, inputsOf(session, rows, 3));
  const heads: number[] = [];
  for (const [row, given] of rows.entries()) {
    const { first, fixed, windows } = byDefinition(given, keys, true);
    heads.push(fixed.head);
    const firsts = await Promise.all(
      windows.map(async (columns) => {
        const pick = (values: readonly number[]) => columns.map((column) => values[column] ?? 0);
        const window = { ids: pick(given.ids), types: pick(given.types), mask: pick(given.mask) };
        const { last_hidden_state: states } = await runModel(full, inputsOf(full, [window], 3));
        return tokens(states, 0, 0, 1);
      }),
    );
    const of = fixed.head > 0 ? firsts : firsts.slice(0, 1);
    const mean = firsts[0]?.map((_, i) => of.reduce((sum, state) => sum + (state[i] ?? 0), 0) / of.length);
    expect(relativeDifference(tokens(found, row, first, 1), mean ?? [])).toBeLessThanOrEqual(TOLERANCE);
  }
  expect(heads).toEqual([5, 0, 0]);
});

test.each(["bart", "mbart"])(
  "a base %s shifts as many tokens to its decoder as that can read",
  async (modelType) => {
    const { model, source, start, inWindows } = await checkpoint(modelType);
    const pad = padId(modelType);
    const { positions } = model.sizes;
    const keys = { ...KEYS, window_size: positions, window_head: 0 };
    const session = await inWindows(keys, modelGraph, "feature-extraction");
    const length = positions + 30;
    const rows = batch([length, positions - 20], length);
    const inputs = inputsOf(session, rows, pad);
    const { last_hidden_state: found, encoder_last_hidden_state: encoded } = await runModel(session, inputs);
    const encoder = await inWindows(keys, encoderGraph);
    const { last_hidden_state: states } = await runModel(encoder, inputsOf(encoder, rows, pad));
    expect(encoded).toEqual(states);
    expect(found?.dims).toEqual([2, positions, model.sizes.hidden]);
    // The decoder's own graph takes the encoder's output, and shifts ids: those of so many tokens.
    const decoder = await start(
      headGraph(model, model.architecture.heads.Model, source, { kind: "windows", config: keys }),
    );
    const ints = Object.entries(inputs).map(([name, { dims, values }]) => {
      return [name, new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [...dims])] as const;
    });
    const { last_hidden_state: decoded } = await decoder.run({
      ...Object.fromEntries(ints),
      hidden_states: new ort.Tensor("float32", states?.values ?? [], [...(states?.dims ?? [])]),
    });
    expect(relativeDifference(found?.values ?? [], decoded?.data as Float32Array)).toBeLessThanOrEqual(
      TOLERANCE,
    );
  },
);

describe.each(["bert", "mpnet", "bart"])("%s in a smaller dtype", (modelType) => {
  test.each(["fp16", "q8", "q4"] as const)(
    "%s loses in windows what it loses on each text alone",
    async (dtype) => {
      const [exact, small] = [await checkpoint(modelType), await checkpoint(modelType, dtype)];
      const pad = padId(modelType);
      const counts = [3 * SIZE + 5, SIZE + 1, 2 * SIZE];
      const lost = async (sessions: readonly ort.InferenceSession[], rows: readonly Row[]) => {
        const [expected, found] = await Promise.all(
          sessions.map(async (session) => {
            const { last_hidden_state } = await runModel(session, inputsOf(session, rows, pad));
            return last_hidden_state?.values ?? new Float32Array();
          }),
        );
        return relativeDifference(found ?? [], expected ?? []);
      };
      const long = await Promise.all([exact, small].map(({ inWindows }) => inWindows(KEYS, encoderGraph)));
      const short = await Promise.all([exact, small].map(({ whole }) => whole(encoderGraph)));
      const inWindows = await lost(long, batch(counts, 3 * SIZE + 5));
      const alone = await lost(short, batch([SIZE, SIZE - 2, SIZE], SIZE));
      // Both are the largest of thousands of roundings: they differ by chance.
      expect(inWindows).toBeLessThan(3 * alone);
      expect(inWindows).toBeGreaterThan(0);
    },
  );
});

test("sentence embeddings pool the stitched columns under the input's mask", async () => {
  const { model, source, start } = await checkpoint("bert");
  const { hidden } = model.sizes;
  const pooled = (mode: "mean" | "cls") => ({
    ...model,
    modules: {
      steps: [{ kind: "pooling", modes: [mode] }],
      output: { name: "sentence_embedding", perToken: false, width: hidden },
    } as const,
  });
  const counts = [3 * SIZE + 5, SIZE + 1, 2 * SIZE];
  const rows = batch(counts, 3 * SIZE + 9);
  const firsts: Float32Array[] = [];
  for (const mode of ["mean", "cls"] as const) {
    // As a conversion writes it: pooling without the first token reads the mean of windows there.
    const config = mode === "mean" ? { ...KEYS, window_merge: mode } : KEYS;
    const attention = { kind: "windows", config } as const;
    const session = await start(modelGraph(pooled(mode), source, { attention, seed: 1 }));
    const outputs = await runModel(session, inputsOf(session, rows, 3));
    const { last_hidden_state: states, sentence_embedding: found } = outputs;
    for (const [row, { mask }] of rows.entries()) {
      const seen = mask.flatMap((shown, column) => (shown === 0 ? [] : [column]));
      const read = mode === "cls" ? seen.slice(0, 1) : seen;
      const all = read.map((column) => tokens(states, row, column, 1));
      const mean = Array.from({ length: hidden }, (_, i) =>
        all.reduce((sum, state) => sum + (state[i] ?? 0) / all.length, 0),
      );
      const embedding = found?.values.slice(row * hidden, (row + 1) * hidden) ?? [];
      expect(relativeDifference(embedding, mean), `${mode}, row ${row}`).toBeLessThanOrEqual(TOLERANCE);
    }
    firsts.push(tokens(states, 0, 0, 1));
  }
  // A reader stands for the first token where that is pooled, the mean of windows where all tokens are.
  expect(relativeDifference(firsts[0] ?? [], firsts[1] ?? [])).toBeGreaterThan(1e-3);
});
