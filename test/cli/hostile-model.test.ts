import { cp, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { pushText } from "../../src/cli/push.js";
import { presentOn } from "../../src/cli/verification.js";
import type { PushResult } from "../../src/push/push-folder.js";
import { markdownReport } from "../../src/verify/report/markdown.js";
import type { VerificationReport } from "../../src/verify/report/report-schema.js";
import { VerificationReportSchema } from "../../src/verify/report/report-schema.js";
import { temporaryFolder } from "../support/fixtures.js";
import { actingLines, foreignMarkdown, foreignMarkup, HOSTILE, HOSTILE_NAME } from "../support/hostile.js";
import { runHere } from "../support/in-process.js";
import { type TinyModel, writeTinyModel } from "../support/tiny-model.js";

afterEach(() => void vi.unstubAllEnvs());

/** Everything that a checkpoint may say, said by an enemy. */
async function hostileModel(model: TinyModel = {}): Promise<string> {
  const labels = { 0: HOSTILE, 1: `1${HOSTILE}` };
  const folder = await writeTinyModel({
    ...model,
    config: {
      architectures: ["BertForSequenceClassification"],
      id2label: labels,
      label2id: Object.fromEntries(Object.entries(labels).map(([id, label]) => [label, Number(id)])),
      _name_or_path: HOSTILE,
      [HOSTILE]: HOSTILE,
      ...model.config,
    },
    shapes: { "classifier.weight": [2, 4], "classifier.bias": [2], [HOSTILE]: [3], ...model.shapes },
    files: {
      "vocab.txt": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", HOSTILE.replace(/[\r\n]/g, "")].join("\n"),
      "tokenizer_config.json": JSON.stringify({
        model_max_length: 8,
        tokenizer_class: "BertTokenizer",
        note: HOSTILE,
      }),
      "README.md": `---\nlicense: "mit\\u2028base_model: evil"\ntags: ["a\\eb", ok]\n---\n\nText ${HOSTILE}`,
      [`${HOSTILE_NAME}.txt`]: "x",
      [`${HOSTILE_NAME}.csv`]: "x",
      ...model.files,
    },
  });
  // The folder's name is what the model is called.
  const named = join(dirname(folder), HOSTILE_NAME);
  await rename(folder, named);
  return named;
}

/** Runs a command line, and says what of its output acts. */
async function run(...args: string[]) {
  const result = await runHere(args);
  return { ...result, acting: [...actingLines(result.stdout), ...actingLines(result.stderr)] };
}

/** So short that a verification takes a second. */
const SHORT = ["--max-sequence-length", "16", "--block-size", "4", "--sparse-block-size", "4"];

const ESCAPE = "\u001b";

/** Elements of a page of ours. */
const PAGE =
  /^(html|head|meta|title|style|body|h[123]|div|span|p|dl|dt|dd|section|table|thead|tbody|tr|th|td|br|ul|li|strong|code|details|summary|figure|figcaption|footer|svg|desc|g|path|text|circle)$/;

/** What of a report and a card in Markdown is ours. */
const OWN_MARKDOWN =
  /<\/?(details|summary)>|\*\*[\w .:]+\*\*|\[how\]\(#how-to-open-it\)|^\*\*(Open it with `trust_remote_code=True`|transformers ignores `attention_dilation`)\*\*|^```(python)?\n[^`]*```/gm;

test("an inspection shows a model, and obeys nothing of it", async () => {
  const model = await hostileModel();
  const picture = join(await temporaryFolder(), "p.svg");
  for (const more of [[], ["--tensors", "--picture", picture], ["--json"]]) {
    const { code, stdout, acting } = await run("inspect", model, ...more);
    expect([code, acting]).toEqual([0, []]);
    expect(stdout).toContain(String.raw`\u001b[2J`);
    if (more[0] === "--json") expect(JSON.parse(stdout).tensors.map(nameOf)).toContain(HOSTILE);
  }
  expect(foreignMarkup(await readFile(picture, "utf8"), PAGE)).toEqual([]);
});

const nameOf = ({ name }: { name: string }) => name;

describe("a conversion", () => {
  const added = HOSTILE.replaceAll(",", " ").replaceAll("\0", "").replaceAll("\ud800", "");
  const argsOf = (model: string, output: string) => [
    "convert",
    model,
    output,
    ...SHORT,
    "--add-tokens",
    added,
  ];
  async function converted() {
    const model = await hostileModel();
    const output = join(dirname(model), `to ${HOSTILE_NAME}`);
    const { code, stderr } = await run(...argsOf(model, output));
    expect(code, stderr).toBe(0);
    return { model, output, beside: (name: string) => join(dirname(model), name) };
  }

  test("tells its plan, what it did and what it left out", async () => {
    const { model, output } = await converted();
    for (const more of [["--dry-run"], ["--json", "--force"], ["--force"]]) {
      const { code, stdout, stderr, acting } = await run(...argsOf(model, output), ...more);
      expect([code, acting], stderr).toEqual([0, []]);
      if (stdout !== "") expect(JSON.parse(stdout).output).toBe(output);
      else expect(stderr).toMatch(/^ {2}Left out, .*a\\nlsg: FORGED/m);
    }
  });

  test("writes a card whose metadata and text are what they say", async () => {
    const { output } = await converted();
    const card = await readFile(join(output, "README.md"), "utf8");
    const [, metadata = "", body = ""] = card.split(/^---$\n/m);
    expect(parse(metadata)).toEqual({ library_name: "transformers", tags: ["lsg", "long-context"] });
    const [own = "", original = ""] = body.split("## Card of the original\n");
    expect(foreignMarkdown(own, OWN_MARKDOWN)).toEqual([]);
    // A document of its own, shown as such: its lines and links are as they were.
    expect(original).toContain("[l](javascript:x)");
    expect(original).not.toMatch(/(?![\r\n])\p{Cc}|\p{Cs}|[\u202a-\u202e\u2066-\u2069]/u);
  });

  test("is verified, and falls short, on a terminal, in a log, as Markdown, HTML and JSON", async () => {
    const { model, output, beside } = await converted();
    const folder = beside(`bad ${HOSTILE_NAME}`);
    await cp(output, folder, { recursive: true });
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    config.id2label[1] += "!";
    config[`${HOSTILE}2`] = HOSTILE;
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    await writeFile(join(folder, `more ${HOSTILE_NAME}.json`), "{}");
    const path = beside("r.html");
    const args = ["verify", folder, "--against", model, "--lengths", "8", "--report", path, "--json"];
    const { code, stdout, acting } = await run(...args);
    expect([code, acting], stdout).toEqual([1, []]);
    const report = VerificationReportSchema.parse(JSON.parse(stdout)) as VerificationReport;
    expect(foreignMarkup(await readFile(path, "utf8"), PAGE)).toEqual([]);
    expect(foreignMarkdown(markdownReport(report), OWN_MARKDOWN)).toEqual([]);
    const ended = { terminal: shown(report, true), log: shown(report, false) };
    const colours = new RegExp(`${ESCAPE}\\[(1|22|3[0-9])m|\r${ESCAPE}\\[K`, "g");
    expect(actingLines(ended.terminal.replace(colours, ""))).toEqual([]);
    expect(actingLines(ended.log)).toEqual([]);
    expect(ended.terminal).toContain(`${ESCAPE}[1m${ESCAPE}[31mFAIL`);
    for (const text of Object.values(ended)) expect(text.match(/u001b/g)?.length).toBeGreaterThan(3);
  });

  /** A verification as it is told while it runs. */
  function shown(report: VerificationReport, isTTY: boolean): string {
    vi.stubEnv("NO_COLOR", "");
    vi.stubEnv("TERM", "xterm");
    let written = "";
    const write = (text: string) => {
      written += text;
      return true;
    };
    const { listener, conclude } = presentOn({ isTTY, columns: 80, write } as NodeJS.WriteStream);
    listener.onHead?.(report);
    for (const check of report.checks) {
      listener.onStart?.(check.title);
      listener.onCheck?.(check);
    }
    conclude(report, true);
    return written;
  }

  test("is exported, and measured", async () => {
    const { output, beside } = await converted();
    const exported = await run("export", output, beside(`onnx ${HOSTILE_NAME}`), "--onnx");
    expect([exported.code, exported.acting], exported.stderr).toEqual([0, []]);
    const page = beside("b.html");
    const bench = await run("bench", output, "--lengths", "8", "--runs", "1", "--html", page);
    expect([bench.code, bench.acting], bench.stderr).toEqual([0, []]);
    expect(foreignMarkup(await readFile(page, "utf8"), PAGE)).toEqual([]);
  });
});

const asKey = JSON.stringify(HOSTILE);

describe("an error quotes what is wrong, in lines of its own", () => {
  test.each<[string, TinyModel]>([
    ["a model type", { config: { model_type: HOSTILE } }],
    [
      "a class",
      { config: { architectures: [HOSTILE] }, shapes: { "embeddings.word_embeddings.weight": undefined } },
    ],
    ["a value of config.json", { config: { hidden_size: HOSTILE } }],
    ["config.json", { files: { "config.json": `{"a": ${asKey} ${HOSTILE}}` } }],
    [
      "a key that is there twice",
      { files: { "config.json": `{"model_type": 1, ${asKey}: 1, ${asKey}: 2}` } },
    ],
    [
      "a header",
      {
        files: {
          "model.safetensors": withHeader({
            [HOSTILE]: { dtype: HOSTILE, shape: [1], data_offsets: [0, 4] },
          }),
        },
      },
    ],
    ["a header's text", { files: { "model.safetensors": withHeader(HOSTILE) } }],
    [
      "an index",
      {
        files: {
          "model.safetensors.index.json": JSON.stringify({ weight_map: { [HOSTILE]: HOSTILE } }),
          "model.safetensors": "",
        },
      },
    ],
    ["quantisation", { config: { quantization_config: { quant_method: HOSTILE } } }],
    [
      "a tokenizer",
      {
        files: {
          "tokenizer.json": `{"added_tokens": [{"content": ${asKey}, "id": "x"}], "model": ${HOSTILE}`,
        },
      },
    ],
    [
      "modules.json",
      { files: { "modules.json": JSON.stringify([{ idx: 0, name: "0", path: HOSTILE, type: HOSTILE }]) } },
    ],
    [
      "a pickle",
      {
        files: {
          "model.safetensors": "",
          "pytorch_model.bin": Buffer.from(`\x80\x02c${HOSTILE.replaceAll("\n", " ")}\nx\n.`),
        },
      },
    ],
  ])("%s", async (_, model) => {
    const folder = await hostileModel(model);
    for (const args of [
      ["convert", folder, join(dirname(folder), "out"), ...SHORT],
      ["inspect", folder],
    ]) {
      const { code, stderr, acting } = await run(...args);
      expect([code !== 70, acting], stderr).toEqual([true, []]);
    }
  });

  test.each([
    ["a verb", [HOSTILE]],
    ["a flag", ["convert", `--${HOSTILE}`]],
    ["a value", ["convert", "m", "o", "--preset", HOSTILE]],
    ["a folder", ["convert", `./${HOSTILE}`]],
    ["a Hub model", ["convert", `hf://org/${HOSTILE}@main`]],
    ["a file of jobs", ["batch", HOSTILE]],
    ["a repository", ["push", HOSTILE, HOSTILE, "--no-verify"]],
    ["an output", ["convert", HOSTILE, HOSTILE, "--json"]],
  ])("%s of the command line", async (_, args) => {
    const { code, acting } = await run(...args.map((arg) => arg.replaceAll("\0", "")));
    expect([code, acting]).toEqual([2, []]);
  });

  test.each([
    ["a key", `{"jobs": [{"model": "m", "output": "o", ${asKey}: 1}]}`],
    ["a value", `{"jobs": [{"model": "m", "output": "o", "preset": ${asKey}}]}`],
    ["what is no YAML", `jobs: [${HOSTILE}`],
    ["an output", `{"jobs": [{"model": "m", "output": ${asKey}}]}`],
  ])("%s of a file of jobs", async (_, text) => {
    const path = join(await temporaryFolder(), `${HOSTILE_NAME}.yaml`);
    await writeFile(path, text);
    const { code, stderr, acting } = await run("batch", path);
    expect([code, acting], stderr).toEqual([2, []]);
  });
});

test("what a Hub answers", () => {
  const result = {
    ...{ repo: HOSTILE, url: HOSTILE, pushed: true, pull_request: HOSTILE, commit: HOSTILE, verified: "no" },
    ...{ files: { added: [HOSTILE], replaced: [], removed: [] }, present: [HOSTILE], notes: [HOSTILE] },
  } as unknown as PushResult;
  for (const text of [pushText(result), pushText({ ...result, pushed: false }), pushText(result, true)])
    expect(actingLines(text)).toEqual([]);
});

function withHeader(header: unknown): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(4)]);
}
