import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { CONFIG_KEYS } from "../../src/checkpoint/read-keys.js";
import { mendJson } from "../../src/checkpoint/standard-files.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { inspect } from "../../src/commands/inspect.js";
import { parseConvertOptions, parseExportOptions, resultOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { TINY_CONFIG, writeTinyModel } from "../support/tiny-model.js";

const MARK = "\ufeff";
const config = (more: string) => JSON.stringify(TINY_CONFIG).replace(/\}$/, `,${more}}`);

async function converted(files: Record<string, string>) {
  const source = await writeTinyModel({ files });
  const output = join(await temporaryFolder(), "out");
  const { plan } = await convert(source, output, parseConvertOptions({}));
  return {
    source,
    output,
    notes: plan.notes.join("\n"),
    text: (path: string) => readFileSync(join(output, path), "utf8"),
  };
}

describe("a model's JSON files", () => {
  test("lose a byte order mark, whichever they are", async () => {
    const own = '{ "mine" : 1.0 }\n';
    const { text, notes } = await converted({
      "config.json": MARK + config('"a":1'),
      "tokenizer_config.json": `${MARK}{"model_max_length": 8}`,
      "special_tokens_map.json": `${MARK}{"cls_token": "[CLS]"}`,
      "modules.json": `${MARK}[{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"}]`,
      "mine.json": MARK + own,
    });
    for (const path of ["config.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json"]) {
      expect(() => JSON.parse(text(path)), path).not.toThrow();
    }
    expect(text("mine.json")).toBe(own);
    expect(notes).toContain("mine.json begins with a byte order mark, which is left out.");
  });

  test("keep the last of a key, in every depth, and the rest byte for byte", async () => {
    const { text, notes } = await converted({
      "config.json": config('"hidden_act":"relu","hidden_act" : "gelu"'),
      "tokenizer_config.json":
        '{"model_max_length": 8,\n  "a": {"b": 1, "b": 2.0},\n  "model_max_length": 4\n}\n',
    });
    expect(text("config.json").match(/"hidden_act"/g)).toHaveLength(1);
    expect(JSON.parse(text("config.json")).hidden_act).toBe("gelu");
    expect(text("tokenizer_config.json")).toBe('{"a": {"b": 2.0},\n  "model_max_length": 4096\n}\n');
    expect(notes).toContain("config.json names hidden_act more than once");
    expect(notes).toContain("tokenizer_config.json names model_max_length, a.b more than once");
  });

  test.each(["Infinity", "NaN", "-Infinity"])("get the length where it was %s", async (value) => {
    const { text, notes } = await converted({
      "tokenizer_config.json": `{"model_max_length": ${value}}`,
      "sentence_bert_config.json": `{"max_seq_length": ${value}, "do_lower_case": false}`,
    });
    expect(JSON.parse(text("tokenizer_config.json"))).toEqual({ model_max_length: 4096 });
    expect(JSON.parse(text("sentence_bert_config.json")).max_seq_length).toBe(4096);
    expect(notes).toContain(`tokenizer_config.json: model_max_length is ${value}: it becomes the length.`);
  });

  test("get null for a number that nothing reads, and it is said", async () => {
    const { text, notes } = await converted({
      "config.json": config('"best_loss": Infinity, "log": [{"eval_loss": NaN}]'),
      "all_results.json": '{"loss": NaN}',
    });
    expect(JSON.parse(text("config.json"))).toMatchObject({ best_loss: null, log: [{ eval_loss: null }] });
    expect(text("all_results.json")).toBe('{"loss": null}');
    expect(notes).toContain(
      "config.json: best_loss is Infinity, log.0.eval_loss is NaN, which JSON does not have: null is written.",
    );
  });

  test.each([
    ["config.json", "layer_norm_eps", config('"layer_norm_eps": NaN')],
    ["config.json", "hidden_dropout_prob", config('"hidden_dropout_prob": Infinity')],
    ["config.json", "id2label.0", config('"id2label": {"0": NaN}')],
    ["tokenizer_config.json", "pad_token_type_id", '{"pad_token_type_id": NaN}'],
    ["tokenizer.json", "model.vocab.0.1", '{"model": {"vocab": [["a", -Infinity]]}}'],
    ["generation_config.json", "temperature", '{"temperature": Infinity}'],
    ["vocab.json", "a", '{"a": NaN}'],
    ["1_Pooling/config.json", "word_embedding_dimension", '{"word_embedding_dimension": NaN}'],
  ])("are refused by name where something reads it: %s, %s", async (path, key, content) => {
    const source = await writeTinyModel({ files: { [path]: content } });
    const output = join(await temporaryFolder(), "out");
    const attempt = convert(source, output, parseConvertOptions({}));
    await expect(attempt).rejects.toMatchObject({
      message: expect.stringMatching(`^${path}: ${key} is -?(NaN|Infinity), which JSON does not have`),
      remedy: "Write a number there, or remove the key for its default.",
    });
  });

  test("are left alone where they are no JSON, and nothing wants them", async () => {
    const lines = '{"a": NaN}\n{"a": 1}\n';
    expect((await converted({ "notes.json": lines })).text("notes.json")).toBe(lines);
  });

  test("read so in inspect, and are written so by an export", async () => {
    const source = await writeTinyModel({
      files: {
        "config.json": MARK + config('"best": NaN'),
        "tokenizer_config.json": '{"model_max_length": Infinity}',
      },
    });
    expect((await inspect(source, resultOptions(parseConvertOptions({})))).model_type).toBe("bert");
    const output = join(await temporaryFolder(), "graph");
    await exportOnnx(source, output, parseExportOptions({}));
    const json = (path: string) => JSON.parse(readFileSync(join(output, path), "utf8"));
    expect(json("config.json").best).toBeNull();
    // The tiny model has 8 positions.
    expect(json("tokenizer_config.json")).toEqual({ model_max_length: 8 });
  });
});

test("a file is given back as it is where there is nothing to mend", () => {
  expect(mendJson("config.json", Buffer.from('{"a": 1e-12}'))).toBeUndefined();
});

/** Where src may build values of JSON text by itself: what it reads there is no file of a model. */
const OTHER_JSON: Readonly<Record<string, string>> = {
  "base/package.ts": "our package.json",
  "bench/program.ts": "a request of ours",
  "bench/worker.ts": "an answer of ours",
  "checkpoint/checkpoint.ts": "parseJson, which every other reader calls; what it gets was mended",
  "checkpoint/named-folder.ts": "an argument: whether it is a file of arguments",
  "cli/convert.ts": "a plan of ours",
  "evaluate/records.ts": "a line of a record of ours",
  "evaluate/tasks/answers.ts": "a cell of the user's data",
  "evaluate/tasks/columns.ts": "a cell of the user's data",
  "json/json-edit.ts": "spans of a document that was checked",
  "options/kwargs.ts": "an option",
  "predict/data/rows.ts": "a line of the user's data",
  "push/errors.ts": "an answer of the Hub",
  "push/sealed.ts": "a line of a commit of ours",
  "runtime/devices.ts": "an answer of ours",
  "runtime/node-shares.ts": "a profile of ONNX Runtime",
  "safetensors/header.ts": "a header, which is refused where it is odd",
  "verify/model/cost-program.ts": "a request of ours",
  "verify/model/cost.ts": "an answer of ours",
  "verify/python/ask-transformers.ts": "an answer of ours",
};

test("nothing else parses JSON than what is known to", () => {
  const root = fileURLToPath(new URL("../../src/", import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  const parsing = files.filter((path) => /\bJSON\.parse\(/.test(readFileSync(join(root, path), "utf8")));
  expect(parsing.map((path) => path.replaceAll("\\", "/")).sort()).toEqual(Object.keys(OTHER_JSON).sort());
});

test("keys of every config are known to be read", () => {
  for (const key of Object.keys(TINY_CONFIG)) expect(CONFIG_KEYS.has(key), key).toBe(true);
});
