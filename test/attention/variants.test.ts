import { expect, test } from "vitest";
import { findArchitecture } from "../../src/architectures/architectures.js";
import {
  type Attention,
  attentionOf,
  borderOf,
  describeAttention,
  isLocal,
  isRandom,
  scoresAtOnce,
  seenInFull,
  titleOf,
  type Variant,
  variantOf,
} from "../../src/attention/variants.js";
import { VARIANTS } from "../../src/options/schemas.js";

const SIZES = { layers: 2, heads: 4 };
const LSH = { base_model_prefix: "lsg", block_size: 8, sparse_block_size: 8, sparsity_type: "lsh" };

/** What each variant's row says of a small model; a new variant has to be added here to compile. */
const EXPECTED: Record<Variant, { type: string; config: object; row: unknown[] }> = {
  full: {
    type: "bert",
    config: {},
    row: [
      "full attention",
      false,
      undefined,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      false,
      1600,
    ],
  },
  lsg: {
    type: "bert",
    config: LSH,
    row: ["LSG", true, "blocks of 8, 8 sparse keys a side (lsh, factor 2), 1 global token", 8, 16, true, 256],
  },
  longformer: {
    type: "longformer",
    config: { attention_window: [8, 16] },
    row: ["Longformer", true, "windows of 8, 16", 4, 5, false, 25],
  },
  windows: {
    type: "bert",
    config: {
      architectures: ["WindowsBertModel"],
      window_size: 8,
      window_head: 1,
      window_tail: 1,
      window_separator: [],
      window_overlap: 4,
    },
    row: ["windows", true, "windows of 8 that share 3", 8, 8, false, 12 * 64],
  },
};

const rowOf = (attention: Attention) => [
  titleOf(attention),
  isLocal(attention),
  describeAttention(attention),
  borderOf(attention),
  seenInFull(attention),
  isRandom(attention),
  scoresAtOnce(attention, 40),
];

test.each(Object.entries(EXPECTED))(
  "%s is read from a config, and its row says what it is",
  async (kind, expected) => {
    const architecture = await findArchitecture(expected.type);
    const attention = attentionOf({ config: { ...expected.config }, architecture, sizes: SIZES });
    expect(attention.kind).toBe(kind);
    expect(rowOf(attention)).toEqual(expected.row);
  },
);

test("conversions make exactly the variants that are local", () => {
  const local = Object.entries(EXPECTED).filter(([, { row }]) => row[1] === true);
  expect(local.map(([variant]) => variant)).toEqual([...VARIANTS]);
});

test("a config's mark outranks its model type, and a model type that is not known counts as full", async () => {
  expect(variantOf(LSH, await findArchitecture("longformer"))).toBe("lsg");
  expect(variantOf({ architectures: ["LSGFooModel"] }, undefined)).toBe("lsg");
  expect(variantOf({ architectures: "FooModel" }, undefined)).toBe("full");
});

test("windows with gaps show a token nothing in full", async () => {
  const architecture = await findArchitecture("longformer");
  const config = { attention_window: 8, attention_dilation: [1, 2] };
  const attention = attentionOf({ config, architecture, sizes: SIZES });
  expect(rowOf(attention).slice(2)).toEqual(["windows of 8, dilated by 1,2", 4, 1, false, 1]);
});

test.each([
  ["window_size", "512", 'window_size is "512": '],
  ["window_size", 4, "window_size is 4: "],
  ["window_head", -1, "window_head is -1: "],
  ["window_head", null, "window_head is null: "],
  ["window_tail", undefined, "window_tail is missing: "],
  ["window_separator", 5, "window_separator is 5: "],
  ["window_separator", [-1], "window_separator is \\[-1\\]: "],
  ["window_overlap", "128", 'window_overlap is "128": '],
  ["window_merge", "foo", 'window_merge is "foo": .*"reader"'],
  ["window_head", 4, "window_head 4 and window_tail 1 are more than half of window_size, 8"],
])("a folder of windows whose %s is %j is refused", async (key, value, message) => {
  const { type, config } = EXPECTED.windows;
  const architecture = await findArchitecture(type);
  expect(() => attentionOf({ config: { ...config, [key]: value }, architecture, sizes: SIZES })).toThrow(
    new RegExp(`config.json: ${message}`),
  );
});
