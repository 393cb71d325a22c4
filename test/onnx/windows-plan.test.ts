import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import type { WindowsConfig } from "../../src/attention/windows.js";
import { createGraph, type OnnxModel } from "../../src/onnx/builder.js";
import { fixedTokens } from "../../src/onnx/windows/fixed-tokens.js";
import { planWindows } from "../../src/onnx/windows/plan.js";
import { spansOf } from "../../src/onnx/windows/spans.js";
import { open } from "./graphs.js";
import { byDefinition, drawing, type Row, rowOf } from "./windows-by-hand.js";

const OUTPUTS = ["first", "count", "row", "counts", "base", "ofRow", "gather", "index"] as const;

/** The plan alone. */
function planModel(config: WindowsConfig, hasTypes: boolean): OnnxModel {
  const graph = createGraph("plan");
  const dims = ["batch_size", "sequence_length"];
  const [inputIds, mask] = [
    graph.input("input_ids", "I64", dims),
    graph.input("attention_mask", "I64", dims),
  ];
  const tokenTypeIds = hasTypes ? graph.input("token_type_ids", "I64", dims) : undefined;
  const spans = spansOf(graph.op, mask, config);
  const fixed = fixedTokens(graph.op, { inputIds, tokenTypeIds }, spans, config);
  const plan = planWindows(graph.op, mask, spans, fixed, config);
  const ranks = { gather: 2, index: 2, ofRow: 2, isFilled: 2, isFixed: 2 } as Record<string, number>;
  const axes = (name: string) => Array.from({ length: ranks[name] ?? 1 }, (_, i) => `${name}_${i}`);
  for (const name of OUTPUTS) graph.output(name, plan[name], "I64", axes(name));
  for (const name of ["isFilled", "isFixed"] as const) graph.output(name, plan[name], "BOOL", axes(name));
  for (const name of ["head", "tail"] as const) graph.output(name, fixed[name], "I64", ["batch_size"]);
  return graph.model();
}

async function run(session: ort.InferenceSession, rows: readonly Row[], hasTypes: boolean) {
  const length = rows[0]?.mask.length ?? 0;
  const tensor = (of: (row: Row) => readonly number[]) =>
    new ort.Tensor("int64", BigInt64Array.from(rows.flatMap(of), BigInt), [rows.length, length]);
  const results = await session.run({
    attention_mask: tensor(({ mask }) => mask),
    ...(session.inputNames.includes("input_ids") && { input_ids: tensor(({ ids }) => ids) }),
    ...(hasTypes && { token_type_ids: tensor(({ types }) => types) }),
  });
  return (name: string) => {
    const { data, dims } = results[name] as ort.Tensor;
    const values = Array.from(data as ArrayLike<bigint | boolean>, Number);
    const width = dims.length === 1 ? 1 : (dims[1] ?? 1);
    return Array.from({ length: dims[0] ?? 0 }, (_, i) => values.slice(i * width, (i + 1) * width));
  };
}

const KEYS: readonly WindowsConfig[] = [
  { window_size: 8, window_head: 1, window_tail: 1, window_separator: [], window_overlap: 128 },
  { window_size: 34, window_head: 1, window_tail: 1, window_separator: [2, 2], window_overlap: 4 },
  { window_size: 34, window_head: 2, window_tail: 1, window_separator: [3], window_overlap: 0 },
  { window_size: 17, window_head: 0, window_tail: 2, window_separator: [], window_overlap: 3 },
  { window_size: 64, window_head: 0, window_tail: 0, window_separator: [9], window_overlap: 16 },
  { window_size: 512, window_head: 1, window_tail: 1, window_separator: [2, 2], window_overlap: 128 },
];

/** Batches of rows of all lengths around multiples of a window, with padding on either side, holes and pairs. */
function batches({ window_size: size, window_separator: separator }: WindowsConfig): Row[][] {
  const draw = drawing(size);
  const lengths = [0, 1, 2, size - 1, size, size + 1, 2 * size, 2 * size + 1, 3 * size + 5];
  return Array.from({ length: size < 512 ? 60 : 10 }, (_, i) => {
    const counts = Array.from({ length: 1 + draw(4) }, () => lengths[draw(lengths.length)] ?? 0);
    const length = Math.max(1, ...counts) + (i % 3 === 0 ? 0 : draw(size));
    return counts.map((count) => {
      const holes = count > 4 ? Array.from({ length: draw(3) }, () => 1 + draw(count - 2)) : [];
      const shape = { length, count, holes, before: draw(length - count + 1) };
      const pair = draw(2) === 0 ? undefined : draw(4) === 0 ? count - 3 : draw(size);
      // Ids are above those of separators, but for some that are one of them.
      return rowOf(
        { ...shape, pair: pair !== undefined && pair > 0 ? pair : undefined },
        separator,
        () => 2 + draw(40),
      );
    });
  });
}

test.each(KEYS.flatMap((keys) => [[keys, true] as const, [keys, false] as const]))(
  "%j, types say what is a pair: %s: every row is cut as the definition has it",
  async (keys, hasTypes) => {
    const session = await open(planModel(keys, hasTypes));
    const seen = { pairs: 0, several: 0 };
    for (const rows of batches(keys)) {
      const value = await run(session, rows, hasTypes);
      const length = rows[0]?.mask.length ?? 0;
      const size = Math.min(length, keys.window_size);
      let base = 0;
      for (const [b, row] of rows.entries()) {
        const { first, count, fixed, windows, owners } = byDefinition(row, keys, hasTypes);
        const { head, tail } = fixed;
        const found = ["first", "count", "head", "tail", "counts", "base"].map((name) => value(name)[b]?.[0]);
        expect(found, JSON.stringify(row)).toEqual([first, count, head, tail, windows.length, base]);
        const own = value("ofRow")[b]?.slice(0, windows.length);
        expect(own).toEqual(windows.map((_, i) => base + i));
        for (const [i, columns] of windows.entries()) {
          const window = base + i;
          expect(value("row")[window]).toEqual([b]);
          expect(value("gather")[window]?.slice(0, columns.length)).toEqual(
            columns.map((c) => b * length + c),
          );
          expect(value("isFilled")[window]).toEqual(
            Array.from({ length: size }, (_, j) => Number(j < columns.length)),
          );
          expect(value("isFixed")[window]?.slice(0, columns.length)).toEqual(
            columns.map((_, j) => Number(j < head || j >= columns.length - tail)),
          );
        }
        expect(value("index")[b]?.slice(first, first + count)).toEqual(
          owners.map(({ window, place }) => (base + window) * size + place),
        );
        // Padding is read from somewhere.
        const all = value("counts").length > 0 ? value("row").length * size : 0;
        expect(value("index")[b]?.every((place) => place >= 0 && place < all)).toBe(true);
        base += windows.length;
        seen.pairs += Number(head > keys.window_head || tail > keys.window_tail);
        seen.several += Number(windows.length > 1);
      }
      expect(value("row").length).toBe(base);
      const beyond = value("ofRow").flatMap((places, b) => places.slice(value("counts")[b]?.[0]));
      expect(beyond.every((place) => place === base)).toBe(true);
    }
    expect(seen.several).toBeGreaterThan(10);
    if (hasTypes || keys.window_separator.length > 0) expect(seen.pairs).toBeGreaterThan(1);
    await session.release();
  },
);
