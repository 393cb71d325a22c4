import type { Architecture } from "../architectures/architecture.js";
import { sinusoidRow } from "../base/sinusoids.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { Sizes } from "../model/tensor-specs.js";
import { encodeFloats } from "../safetensors/floats.js";
import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { floatTable } from "./float-weights.js";
import { vector } from "./functions/attend.js";
import type { LayerContext } from "./layers.js";
import type { Table } from "./weights.js";

type Embeddings = { readonly position: string; readonly wordCopy?: string };

/** Word embeddings of (batch, length) ids, scaled where the config asks for it. */
export function embedWords(
  { op, weights, tied, wordEmbeddings, embeddingScale }: LayerContext,
  { wordCopy }: Embeddings,
  ids: Value,
): Value {
  const own = `${wordCopy}.weight`;
  const words = weights.table(!tied && weights.has(own) ? own : `${wordEmbeddings}.weight`).at(ids);
  return embeddingScale === 1 ? words : op.Mul(words, op.scalarLike(embeddingScale, words));
}

/** What word embeddings are multiplied by. */
export function embeddingScale({ encoder }: Architecture, config: Config, sizes: Sizes): number {
  const key = encoder.embeddings.scaledWhere;
  return key !== undefined && config[key] === true ? Math.sqrt(sizes.embedding) : 1;
}

/** A stack's table of positions; sinusoids that a checkpoint lacks are put into the graph. */
export function positionTable(
  graph: GraphBuilder,
  { weights }: LayerContext,
  { position }: Embeddings,
  { positions }: Architecture,
  sizes: Sizes,
): Table {
  const name = `${position}.weight`;
  if (positions.kind !== "sinusoidal" || weights.has(name)) return weights.table(name);
  const { dtype } = weights;
  const rows = Array.from({ length: sizes.positions }, (_, i) => sinusoidRow(i, sizes.embedding));
  const bytes = Buffer.concat(rows.map((row) => encodeFloats(row, dtype)));
  const dims = [sizes.positions, sizes.embedding];
  return floatTable(graph.op, graph.initializer({ name, dtype, dims, data: { kind: "inline", bytes } }));
}

/** Rows `first`, `first` + 1, … of a table, as many as there are tokens. @param length scalar */
export function consecutiveRows(
  { op }: LayerContext,
  table: Table,
  first: Value | number,
  length: Value,
): Value {
  if (typeof first === "number") {
    const end = first === 0 ? length : op.Add(length, first);
    return table.rows([first], vector(op, end));
  }
  return table.rows(vector(op, first), vector(op, op.Add(first, length)));
}
