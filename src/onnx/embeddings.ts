import { sinusoidRow } from "../base/sinusoids.js";
import { encodeFloats } from "../safetensors/floats.js";
import type { Op, Value } from "./body.js";
import { floatTable } from "./float-weights.js";
import { vector } from "./functions/attend.js";
import { wordTable } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";
import type { Table } from "./weights.js";

type Embeddings = { readonly position: string; readonly wordCopy?: string };

/** Word embeddings of (batch, length) ids, scaled where the config asks for it. */
export function embedWords(
  { op, weights, model }: ModelBuilder,
  { wordCopy }: Embeddings,
  ids: Value,
): Value {
  const own = `${wordCopy}.weight`;
  const words = weights.table(!model.tied && weights.has(own) ? own : wordTable(model)).at(ids);
  const { scaledWhere } = model.architecture.encoder.embeddings;
  const isScaled = scaledWhere !== undefined && model.config[scaledWhere] === true;
  return isScaled ? op.Mul(words, op.scalarLike(Math.sqrt(model.sizes.embedding), words)) : words;
}

/** A stack's table of positions; sinusoids that a checkpoint lacks are put into the graph. */
export function positionTable({ graph, op, weights, model }: ModelBuilder, { position }: Embeddings): Table {
  const name = `${position}.weight`;
  const { architecture, sizes } = model;
  if (architecture.positions.kind !== "sinusoidal" || weights.has(name)) return weights.table(name);
  const { dtype } = weights;
  const rows = Array.from({ length: sizes.positions }, (_, i) => sinusoidRow(i, sizes.embedding));
  const bytes = Buffer.concat(rows.map((row) => encodeFloats(row, dtype)));
  const dims = [sizes.positions, sizes.embedding];
  return floatTable(op, graph.initializer({ name, dtype, dims, data: { kind: "inline", bytes } }));
}

/** Rows `first`, `first` + 1, … of a table, as many as there are tokens. @param length scalar */
export function consecutiveRows(op: Op, table: Table, first: Value | number, length: Value): Value {
  if (typeof first === "number") {
    const end = first === 0 ? length : op.Add(length, first);
    return table.rows([first], vector(op, end));
  }
  return table.rows(vector(op, first), vector(op, op.Add(first, length)));
}
