import { describe, expect, it } from "vitest";
import { createGraph, defineFunction } from "../../src/onnx/builder.js";
import { inline, runGraph } from "./graphs.js";

const add = (amount: number) =>
  defineFunction({ name: "Shift", inputs: ["x"], output: "y", doc: "adds" }, (op, { x }) =>
    op.Add(x, op.scalarLike(amount, x)),
  );

describe("a graph", () => {
  it("reads like the formula and computes it", async () => {
    const graph = createGraph("test");
    const { op } = graph;
    const x = graph.input("x", "F32", [2, 3]);
    const [values, indices] = op.TopK(op.Transpose(x, { perm: [1, 0] }), [1], { axis: 0 });
    graph.output("y", op.Add(values, op.Cast(indices, { to: "F32" })), "F32", [1, 2]);
    expect(await runGraph(graph.model(), [1, 5, 2, 9, 7, 8], [2, 3])).toEqual([6, 9]);
  });

  it("takes numbers as int64 scalars and lists as int64 vectors", async () => {
    const graph = createGraph("test");
    const { op } = graph;
    const x = graph.input("x", "F32", ["rows", 2]);
    const rows = op.Gather(op.Shape(x), 0);
    const doubled = op.Reshape(op.Mul(op.Range(0, rows, 1), [2]), [-1, 1]);
    graph.output("y", op.Add(x, op.Cast(doubled, { to: "F32" })), "F32", ["rows", 2]);
    expect(await runGraph(graph.model(), [1, 1, 1, 1], [2, 2])).toEqual([1, 1, 3, 3]);
  });

  it("does not compile with a misspelt operator, attribute or number of inputs", () => {
    const { op, input } = createGraph("test");
    const x = input("x", "F32", [2]);
    // @ts-expect-error no such operator
    expect(() => op.Matmul(x, x)).toThrow(TypeError);
    // @ts-expect-error an attribute that is missing
    op.Concat(x, x);
    // @ts-expect-error an attribute that does not exist
    op.Softmax(x, { axes: 1 });
    // @ts-expect-error an input too many
    op.Add(x, x, x);
    // @ts-expect-error an input too few
    op.Add(x);
  });

  it("stores a constant once, however often it is used", () => {
    const graph = createGraph("test");
    const { op } = graph;
    const x = graph.input("x", "F32", [2]);
    const one = op.constant("F32", [1], []);
    graph.output("y", op.Add(op.Add(x, one), op.constant("F32", [1], [])), "F32", [2]);
    const constants = graph.model().proto.graph?.node.filter((node) => node.opType === "Constant");
    expect(constants).toHaveLength(1);
  });

  it("tells constants of the same numbers apart by dtype and shape", () => {
    const { op } = createGraph("test");
    const names = [
      op.constant("F32", [1], []),
      op.constant("F32", [1]),
      op.constant("F32", [1], [1, 1]),
      op.constant("I64", [1]),
    ].map((value) => value.name);
    expect(new Set(names).size).toBe(4);
  });

  it("names nodes after their scopes and never gives a name twice", () => {
    const graph = createGraph("test");
    const x = graph.input("x", "F32", [2]);
    const square = () => graph.scope("layer", () => graph.scope("square", () => graph.op.Mul(x, x)));
    graph.output("y", graph.op.Add(square(), square()), "F32", [2]);
    const names = graph.model().proto.graph?.node.map((node) => node.name) ?? [];
    expect(names.slice(0, 2)).toEqual(["layer/square/Mul", "layer/square/Mul_1"]);
    expect(new Set(names).size).toBe(names.length);
  });

  it("keeps an initializer's dotted name and stores tied weights once", async () => {
    const graph = createGraph("test");
    const x = graph.input("x", "F32", [2]);
    const weight = () =>
      graph.initializer({ name: "bert.a.weight", dtype: "F32", dims: [2], data: inline([10, 20]) });
    graph.output("y", graph.op.Add(graph.op.Add(x, weight()), weight()), "F32", [2]);
    const model = graph.model();
    expect(model.initializers.map(({ name }) => name)).toEqual(["bert.a.weight"]);
    expect(await runGraph(model, [1, 2], [2])).toEqual([21, 42]);
  });

  it("refuses two weights under one name that differ", () => {
    const graph = createGraph("test");
    graph.initializer({ name: "w", dtype: "F32", dims: [2], data: inline([1, 2]) });
    expect(() => graph.initializer({ name: "w", dtype: "F32", dims: [1], data: inline([1]) })).toThrow(/"w"/);
  });

  it("runs one branch of an If, which sees the values outside", async () => {
    const graph = createGraph("test");
    const { op } = graph;
    const x = graph.input("x", "F32", ["n"]);
    const isShort = op.Less(op.Gather(op.Shape(x), 0), 3);
    const [y, z] = op.If(
      isShort,
      () => [op.Neg(x), x],
      () => [op.Mul(x, x), op.Neg(x)],
    );
    graph.output("y", y, "F32", ["n"]);
    graph.output("z", z, "F32", ["n"]);
    expect(await runGraph(graph.model(), [2, 3], [2])).toEqual([-2, -3]);
    expect(await runGraph(graph.model(), [2, 3, 4], [3])).toEqual([4, 9, 16]);
  });
});

describe("a function", () => {
  it("is called like an operator and stored once", async () => {
    const graph = createGraph("test");
    const x = graph.input("x", "F32", [1]);
    const shift = add(3);
    graph.output("y", graph.op.call(shift, graph.op.call(shift, x)), "F32", [1]);
    const model = graph.model();
    expect(model.proto.functions.map(({ name }) => name)).toEqual(["Shift"]);
    expect(model.proto.opsetImport.map(({ domain }) => domain)).toEqual(["", "lsg"]);
    expect(await runGraph(model, [1], [1])).toEqual([7]);
  });

  it("has one body under one name", () => {
    const graph = createGraph("test");
    const x = graph.input("x", "F32", [1]);
    graph.op.call(add(3), x);
    expect(() => graph.op.call(add(3), x)).not.toThrow();
    expect(() => graph.op.call(add(4), x)).toThrow(/"Shift"/);
  });
});
