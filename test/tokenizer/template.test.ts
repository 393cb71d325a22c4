import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findTemplate, type TextTemplate } from "../../src/tokenizer/template.js";
import { defaultsOf, files } from "./folders.js";

const FIXTURES = new URL("../../fixtures/", import.meta.url);

/** What transformers' tokenizers put around texts, by their folders. */
const EXPECTED: Record<string, TextTemplate> = JSON.parse(
  readFileSync(new URL("templates/templates.json", FIXTURES), "utf8"),
);

function folder(name: string): Map<string, Buffer> {
  const url = new URL(`${name}/`, FIXTURES);
  const names = readdirSync(url).filter((file) => !file.endsWith(".safetensors"));
  return new Map(names.map((file) => [file, readFileSync(new URL(file, url))]));
}

/** Its vocabulary lacks the token between texts: transformers numbers it behind the last, and no model has a row for it. */
const UNNUMBERED: Record<string, Partial<TextTemplate>> = { "tokenizers/t5/vocabulary": { separator: [] } };

describe("findTemplate agrees with transformers' tokenizers", () => {
  it.each(Object.keys(EXPECTED))("%s", (name) => {
    const contents = folder(name);
    const expected = { ...EXPECTED[name], ...UNNUMBERED[name] };
    expect(findTemplate(contents, defaultsOf(contents))).toEqual(expected);
  });
});

describe("findTemplate", () => {
  it.each<[string, TextTemplate]>([
    ["BertTokenizer", { head: 1, tail: 1, separator: [] }],
    ["BertGenerationTokenizer", { head: 0, tail: 0, separator: [] }],
    ["MBartTokenizer", { head: 0, tail: 2, separator: [] }],
    ["PegasusTokenizer", { head: 0, tail: 1, separator: [] }],
    ["OurOwnTokenizer", { head: 1, tail: 1, separator: [] }],
  ])("without files goes by the class: %s", (className, template) => {
    expect(findTemplate(new Map(), className)).toEqual(template);
  });

  it("takes a class that reads no tokenizer.json by itself", () => {
    const contents = new Map([...folder("templates/template"), ...files({ "vocab.txt": "[CLS]\n[SEP]\n" })]);
    contents.set("tokenizer_config.json", Buffer.from('{"tokenizer_class": "BertJapaneseTokenizer"}'));
    expect(findTemplate(contents, "BertTokenizer")).toMatchObject({ head: 1, tail: 1 });
  });

  it.each([
    { type: "TemplateProcessing" },
    { type: "TemplateProcessing", single: [{ SpecialToken: { id: "[CLS]" } }], pair: 3 },
    { type: "constructor" },
    { type: "Sequence", processors: [{ type: "NeverHeardOf" }] },
    "TemplateProcessing",
  ])("takes a post-processor that it cannot read for none that it knows: %j", (post_processor) => {
    const contents = files({ "tokenizer.json": { post_processor }, "tokenizer_config.json": {} });
    const { head, tail } = findTemplate(contents, "OurOwnTokenizer");
    expect([head, tail]).toEqual(typeof post_processor === "string" ? [0, 0] : [1, 1]);
  });
});
