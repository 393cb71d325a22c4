import type { RelativeBias } from "../../architectures/architecture.js";
import { seededNormal, seededUniform } from "../../base/random.js";
import type { Model } from "../../model/model.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { createGraph, type OnnxModel } from "../../onnx/builder.js";
import { encoderHeads } from "../../onnx/encoder.js";
import type { Heads } from "../../onnx/functions/attend.js";
import { HIDDEN, keyBias, WHOLE_MASK } from "../../onnx/functions/masks.js";
import { relativeInputs } from "../../onnx/functions/relative-bias.js";
import type { Outcome } from "../check.js";
import { type ReaderProblem, readerAttentionByDefinition } from "../definition/reader.js";
import { errorOf, floats, judgeOp, type OpCheck } from "./check-op.js";
import { randomBias } from "./problem.js";

/** Windows of each row: without readers, of rows unlike each other, of one row that has several. */
const ROWS = [[1, 1], [3, 1, 2], [4]] as const;

/** One in so many places is hidden, and weighs nothing to a reader. */
const HIDDEN_EVERY = 7;

interface Case {
  readonly counts: readonly number[];
  /** Of a window. */
  readonly places: number;
}

/** Compares full attention in windows, and of readers to all windows of their rows, with its definition. */
export function checkReaderOp(op: OnnxFunction, check: OpCheck, size: number): Promise<Outcome> {
  const { model, seed } = check;
  const heads = encoderHeads(model);
  const relative = model.architecture.encoder.relativeBias;
  const cases = [Math.ceil(size / 3), size].flatMap((places) => ROWS.map((counts) => ({ counts, places })));
  const graph = readerOpModel(op, model);
  return judgeOp({ what: "the attention op", graph, cases }, check, async (session, { counts, places }) => {
    const problem = readerProblem({ counts, places }, heads, relative, seed + places);
    const what = `the attention op does not run in windows of ${places} tokens`;
    const error = await errorOf(session, what, inputsOf(problem), readerAttentionByDefinition(problem));
    return { length: places, error };
  });
}

/** A model of the op alone. */
function readerOpModel(attention: OnnxFunction, model: Model): OnnxModel {
  const { numHeads, headDim } = encoderHeads(model);
  const relative = model.architecture.encoder.relativeBias;
  const graph = createGraph(attention.name);
  const { op } = graph;
  const dims = [1, "tokens", numHeads * headDim];
  const [query, key, value] = ["query", "key", "value"].map((name) => graph.input(name, "F32", dims));
  if (!query || !key || !value) throw new Error("attention has a query, a key and a value");
  const mask = graph.input("attention_mask", "I64", ["windows", "places"]);
  const bias = keyBias(op, mask, { ...WHOLE_MASK, dtype: "F32" });
  const table = () => graph.input("relative_attention_bias", "F32", [relative?.buckets ?? 0, numHeads]);
  const context = op.call(
    attention,
    ...[query, key, value, bias],
    ...(relative ? relativeInputs(op, table(), bias, { relative, causal: false }) : []),
    graph.input("row_windows", "I64", ["batch_size", "most"]),
    graph.input("window_places", "I64", ["windows"]),
    graph.input("place_bias", "F32", ["windows", "places"]),
    graph.input("reader_scale", "F32", ["batch_size"]),
  );
  graph.output("context", context, "F32", dims);
  return graph.model();
}

/** Random numbers; readers are there if a row has more than one window. */
function readerProblem(
  { counts, places }: Case,
  heads: Heads,
  relative: RelativeBias | undefined,
  seed: number,
): ReaderProblem {
  const [normal, uniform] = [seededNormal(seed), seededUniform(seed)];
  const windows = counts.reduce((sum, count) => sum + count, 0);
  const readers = Math.max(...counts) > 1 ? counts.length : 0;
  const draw = () =>
    Float32Array.from({ length: (windows * places + readers) * heads.numHeads * heads.headDim }, normal);
  const isHidden = Array.from({ length: windows * places }, () => uniform() * HIDDEN_EVERY < 1);
  return {
    ...heads,
    ...{ query: draw(), key: draw(), value: draw(), counts, places, readers },
    mask: isHidden.map((hidden) => (hidden ? 0 : 1)),
    placeBias: isHidden.map((hidden) => (hidden ? HIDDEN : Math.fround(-uniform()))),
    scale: counts.map(() => Math.fround(1 + uniform())),
    ...(relative && randomBias(relative, heads.numHeads, normal)),
  };
}

function inputsOf(problem: ReaderProblem & { readonly table?: Float32Array }) {
  const { query, key, value, counts, places, mask, placeBias, scale, table = [] } = problem;
  const width = problem.numHeads * problem.headDim;
  const tokens = [1, query.length / width, width];
  const [windows, most] = [mask.length / places, Math.max(...counts)];
  const firsts = counts.map((_, row) => counts.slice(0, row).reduce((sum, count) => sum + count, 0));
  const integers = (values: readonly number[], dims: readonly number[]) =>
    ({ dims, values, dtype: "int64" }) as const;
  const ofRow = counts.flatMap((count, row) =>
    Array.from({ length: most }, (_, i) => (i < count ? (firsts[row] ?? 0) + i : windows)),
  );
  return {
    query: floats(query, tokens),
    key: floats(key, tokens),
    value: floats(value, tokens),
    attention_mask: integers(mask, [windows, places]),
    relative_attention_bias: floats(table, [table.length / problem.numHeads, problem.numHeads]),
    row_windows: integers(ofRow, [counts.length, most]),
    window_places: integers(
      ofRow.flatMap((window, place) => (window < windows ? [place] : [])),
      [windows],
    ),
    place_bias: floats(placeBias, [windows, places]),
    reader_scale: floats(scale, [counts.length]),
  };
}
