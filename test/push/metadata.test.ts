import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { convert } from "../../src/commands/convert.js";
import { push } from "../../src/commands/push.js";
import { parseConvertOptions, parsePushOptions } from "../../src/options/options.js";
import { VerificationError } from "../../src/verify/verification-error.js";
import { temporaryFolder } from "../support/fixtures.js";
import { set } from "../verify/damage.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { branch, pushFiles, setUpPush, writeFolder } from "./support.js";

const hub = setUpPush();

const RECORD = {
  format_version: 1,
  source: { model: "original" },
  model_type: "bert",
  architecture: "LSGBertForMaskedLM",
  variant: "lsg",
  max_sequence_length: { from: 512, to: 4096 },
  options: { lsg: {} },
  promise: { lossless_up_to: 512 },
};

const modules = (...types: string[]) =>
  types.map((type, idx) => ({ idx, name: String(idx), path: idx === 0 ? "" : String(idx), type }));
const POOLED = modules("sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling");
const PYLATE = modules("sentence_transformers.models.Transformer", "pylate.models.Dense.Dense");

/** What the Hub is told of a folder with these JSON files. */
async function told(files: Readonly<Record<string, unknown>>) {
  const content = Object.entries(files).map(([path, json]) => [path, JSON.stringify(json)] as const);
  await pushFiles("me/new", {}, { folder: await writeFolder(Object.fromEntries(content)) });
  const card = String(branch(hub, "me/new")["README.md"]);
  const { library_name, pipeline_tag } = parse(card.split("---\n")[1] ?? "");
  return [library_name, pipeline_tag];
}

describe("the library and the task that the Hub is told", () => {
  it.each([
    ["a SentenceTransformer", { "modules.json": POOLED }, ["sentence-transformers", "sentence-similarity"]],
    [
      "a reranker",
      { "config.json": { sentence_transformers: {}, id2label: { 0: "LABEL_0" } } },
      ["sentence-transformers", "text-ranking"],
    ],
    [
      "a classifier of pairs",
      { "config.json": { sentence_transformers: {}, id2label: { 0: "no", 1: "yes" } } },
      ["sentence-transformers", "text-classification"],
    ],
    [
      "a SparseEncoder",
      { "modules.json": POOLED, "config_sentence_transformers.json": { model_type: "SparseEncoder" } },
      ["sentence-transformers", "feature-extraction"],
    ],
    ["a ColBERT of PyLate's", { "modules.json": PYLATE }, ["PyLate", "sentence-similarity"]],
    [
      "a ColBERT of its own library's",
      {
        "config.json": { architectures: ["HF_ColBERT"] },
        "lsg_conversion.json": { ...RECORD, architecture: "HF_ColBERT" },
      },
      ["PyLate", "sentence-similarity"],
    ],
    ["a conversion", { "lsg_conversion.json": RECORD }, ["transformers", "fill-mask"]],
    [
      "a class that lsg does not know",
      { "lsg_conversion.json": { ...RECORD, architecture: "LSGAntiBERTyForMaskedLM" } },
      ["transformers", undefined],
    ],
    [
      "a model type of another version of lsg",
      { "lsg_conversion.json": { ...RECORD, model_type: "later" } },
      ["transformers", undefined],
    ],
    [
      "a folder that lsg did not write",
      { "config.json": { model_type: "bert" } },
      ["transformers", undefined],
    ],
  ])("%s", async (_, files, expected) => {
    expect(await told({ "config.json": { model_type: "bert" }, ...files })).toEqual(expected);
  });
});

it("a folder that falls short stays where it is, and is said not to have been pushed", async () => {
  const root = await temporaryFolder();
  const [source, folder] = [join(root, "original"), join(root, "out")];
  writeSmallBert(source);
  await convert(source, folder, parseConvertOptions({ maxSequenceLength: 96 }));
  set("config.json", "block_size", 8)(folder);
  const error = await push(folder, "me/long", parsePushOptions({ device: "cpu" })).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(VerificationError);
  expect(error.message).toMatch(/^\S+\/out was not pushed: \S+ is NOT what it claims to be/);
  expect(existsSync(join(folder, "config.json"))).toBe(true);
  expect(hub.server.repos["me/long"]).toBeUndefined();
});
