import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LsgConfigSchema } from "../../src/attention/lsg-config.js";
import { attentionPattern } from "../../src/report/attention-pattern.js";
import { blockViews, patternLength } from "../../src/report/attention-regions.js";
import type { AttentionShape } from "../../src/report/table.js";
import { textPattern } from "../../src/report/text-pattern.js";
import { lsgAttentionByDefinition } from "../../src/verify/definition/lsg.js";

const SHAPE: AttentionShape = {
  block_size: 8,
  num_global_tokens: 1,
  sparse_block_size: 8,
  sparsity_factor: 2,
  causal: false,
};

/** Which tokens each token sees by the plain definition: all scores are alike, and each value marks its token. */
function seenByDefinition(shape: AttentionShape, length: number): boolean[][] {
  const total = length + 1;
  const value = new Float64Array(total * total);
  for (let i = 0; i < total; i++) value[i * total + i] = 1;
  const same = new Float64Array(total * total);
  const { causal, ...sizes } = shape;
  const config = LsgConfigSchema.parse({ ...sizes, sparsity_type: "pooling" });
  const mask = Array<number>(length).fill(1);
  const problem = { batch: 1, numHeads: 1, headDim: total, query: same, key: same, value, mask };
  const context = lsgAttentionByDefinition(problem, { config, causal, seed: 1 });
  return Array.from({ length }, (_, query) =>
    Array.from({ length }, (_, key) => (context[(query + 1) * total + key + 1] ?? 0) > 0),
  );
}

describe("blockViews", () => {
  test("what is drawn is what the definition of the attention sees", () => {
    const shapes = fc.record({
      block_size: fc.constant(8),
      num_global_tokens: fc.constant(1),
      sparse_block_size: fc.constantFrom(0, 2, 4, 8),
      sparsity_factor: fc.constantFrom(1, 2, 4),
      causal: fc.boolean(),
    });
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 70 }), (shape, length) => {
        const views = blockViews(shape, length);
        const drawn = Array.from({ length }, (_, query) => {
          const view = views.find(({ queries }) => queries.from <= query && query < queries.to);
          const local = view && { ...view.local, ...(shape.causal ? { to: query + 1 } : {}) };
          const spans = view && local ? [local, ...view.sparse] : [];
          return Array.from({ length }, (_, key) => spans.some(({ from, to }) => from <= key && key < to));
        });
        expect(drawn).toEqual(seenByDefinition(shape, length));
      }),
      { numRuns: 40 },
    );
  });
});

describe("patternLength", () => {
  test.each([
    ["everything that a block sees, and more", SHAPE, 12 * 8],
    ["no sparse keys", { ...SHAPE, sparse_block_size: 0, sparsity_factor: 0 }, 8 * 8],
    ["a reach of hundreds of blocks stays drawable", { ...SHAPE, sparsity_factor: 999 }, 32 * 8],
  ])("%s", (_, shape, length) => expect(patternLength(shape)).toBe(length));

  test("is not longer than the model's inputs", () => expect(patternLength(SHAPE, 20)).toBe(20));
});

describe("attentionPattern", () => {
  test("local, sparse and global parts, each with a legend, and a description in numbers", () => {
    const svg = attentionPattern(SHAPE, 96).markup;
    for (const kind of ["local", "sparse", "global", "unseen"]) {
      expect(svg.match(new RegExp(`class="${kind}"`, "g"))).toHaveLength(2);
    }
    expect(svg).toContain("Attention of an input of 96 tokens");
    expect(svg).toContain("a token sees at most 41 keys: 24 in its own block of 8 and both neighbours");
    // 320 units for 96 tokens: the first block sees 16 tokens beside it, then sparse keys for 16 more.
    expect(svg).toContain('<path class="local" d="M0 0H53.3V26.7H0z');
    expect(svg).toContain('<path class="sparse" d="M53.3 0H106.7V26.7H53.3z');
  });

  test.each(["sparse_block_size", "sparsity_factor"])("%s 0: no sparse keys in picture and words", (key) => {
    const shape = { ...SHAPE, [key]: 0, num_global_tokens: 0 };
    const svg = attentionPattern(shape, 96).markup;
    expect(svg).not.toMatch(/sparse keys|sparse:/);
    expect(textPattern(shape, 96)).not.toContain("sparse");
    expect(svg).toContain("a token sees at most 24 keys");
    expect(svg).not.toContain('class="global"');
  });

  test("causal: the own block is a triangle, and a global token sees itself only", () => {
    const svg = attentionPattern({ ...SHAPE, causal: true }, 96).markup;
    expect(svg).toContain('<path class="local" d="M0 0H0L26.7 26.7H0zM0 26.7H26.7L53.3 53.3H0z');
    expect(svg).toContain("M-13 -13h10v10h-10z");
  });
});

describe("textPattern", () => {
  test("a cell for each block", () => {
    expect(textPattern(SHAPE, 48)).toBe(
      [
        "▒▒▒▒▒▒▒▒▒▒▒▒▒▒",
        "▒▒████░░░░····",
        "▒▒██████░░░░··",
        "▒▒░░██████░░░░",
        "▒▒░░░░██████░░",
        "▒▒··░░░░██████",
        "▒▒····░░░░████",
        "",
        "██ own block of 8 and both neighbours   ░░ some of the block's keys (sparse)   ▒▒ global tokens   ·· not seen",
      ].join("\n"),
    );
  });

  test("causal, without sparse keys", () => {
    expect(
      textPattern({ ...SHAPE, causal: true, sparse_block_size: 0 }, 24)
        .split("\n")
        .slice(0, 4),
    ).toEqual(["▒▒······", "▒▒█▖····", "▒▒███▖··", "▒▒··███▖"]);
  });
});
