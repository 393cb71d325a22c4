import type { NumberTensor } from "./tensors.js";

export interface Row {
  readonly ids: readonly number[];
  readonly pad: "right" | "left";
  readonly types?: readonly number[];
  /** Of a Longformer: 1 for a token with global attention. */
  readonly globals?: readonly number[];
}

/** What a graph is fed with, and which tokens are not padding. */
export interface Batch {
  /** `input_ids`, `attention_mask`, `global_attention_mask`, `token_type_ids`: int64 (batch, length). */
  readonly inputs: Readonly<Record<string, NumberTensor>>;
  readonly length: number;
  /** For each row the first token that is not padding, and the first behind them. */
  readonly visible: readonly { readonly start: number; readonly end: number }[];
}

/** Rows padded to one length. @param length at least the longest row's */
export function makeBatch(rows: readonly Row[], padId: number, length = longest(rows)): Batch {
  const visible = rows.map(({ ids, pad }) => {
    const start = pad === "left" ? length - ids.length : 0;
    return { start, end: start + ids.length };
  });
  const fill = (values: (row: Row) => readonly number[], padding: number): NumberTensor => {
    const all = new Array<number>(rows.length * length).fill(padding);
    rows.forEach((row, i) => {
      const start = i * length + (visible[i]?.start ?? 0);
      values(row).forEach((value, j) => {
        all[start + j] = value;
      });
    });
    return { dims: [rows.length, length], values: all, dtype: "int64" };
  };
  return {
    inputs: {
      input_ids: fill(({ ids }) => ids, padId),
      attention_mask: fill(({ ids }) => ids.map(() => 1), 0),
      global_attention_mask: fill(({ ids, globals }) => globals ?? ids.map(() => 0), 0),
      token_type_ids: fill(({ ids, types }) => types ?? ids.map(() => 0), 0),
    },
    length,
    visible,
  };
}

/** Inputs for a graph or class that wants choices: each row is the only one of its own, (batch, 1, length). */
export function withChoices(inputs: Batch["inputs"]): Batch["inputs"] {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => {
      const [batch = 1, length = 0] = tensor.dims;
      return [name, { ...tensor, dims: [batch, 1, length] }];
    }),
  );
}

function longest(rows: readonly Row[]): number {
  return Math.max(...rows.map(({ ids }) => ids.length));
}
