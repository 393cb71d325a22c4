import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { alignTokens } from "../../src/runtime/alignment/align.js";
import type { Texts } from "../../src/runtime/text-tokenizer.js";
import { FIXTURES } from "../support/fixtures.js";

/** What transformers says of a text, a pair, or words: places in code points. */
type Golden = Texts & {
  readonly ids: readonly number[];
  readonly types: readonly number[];
  readonly sources: readonly number[];
  readonly places: readonly (readonly [number, number])[];
};

const GOLDENS: Readonly<Record<string, readonly Golden[]>> = readJson("predict/token-places.json");

describe.each(Object.entries(GOLDENS))("the tokenizer of fixtures/%s", (folder, goldens) => {
  const tokenizer = openedTokenizer(folder);

  test("gives transformers' tokens, each where transformers has it", () => {
    for (const golden of goldens) {
      const { ids, types, sources, starts, ends } = alignTokens(tokenizer, golden);
      const places = sources.map((source, i) => {
        const text = textOf(golden, source);
        return [starts[i], ends[i]].map((unit) => [...text.slice(0, unit)].length);
      });
      expect({ ids, types, sources, places }).toEqual(pick(golden, ["ids", "types", "sources", "places"]));
    }
  });

  test("makes the library's own tokens of a text", () => {
    const text = "To be, or not to be: that is the question.";
    expect(alignTokens(tokenizer, { text }).ids).toEqual(tokenizer.encode(text).ids);
  });
});

test("a text of 100,000 words is tokenised whole", () => {
  const text = "the and ".repeat(50_000);
  const { ids, ends, sources } = alignTokens(openedTokenizer("bert/checkpoint"), { text });
  expect(ids.length).toBeGreaterThan(100_000);
  expect(ends[sources.lastIndexOf(0)]).toBe(text.trimEnd().length);
});

function openedTokenizer(folder: string): Tokenizer {
  return new Tokenizer(readJson(`${folder}/tokenizer.json`), readJson(`${folder}/tokenizer_config.json`));
}

function textOf(golden: Golden, source: number): string {
  if (source < 0) return "";
  if ("words" in golden) return golden.words[source] ?? "";
  return (source === 0 ? golden.text : golden.pair) ?? "";
}

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Partial<T>;
}

function readJson(path: string) {
  return JSON.parse(readFileSync(join(FIXTURES, path), "utf8"));
}
