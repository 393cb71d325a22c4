import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { runHere } from "../support/in-process.js";

/** Two models of different types, and the folder that they lie in is the current one. */
beforeEach(async () => {
  const [folder, before] = [await temporaryFolder(), process.cwd()];
  for (const [name, type] of Object.entries({ mine: "roberta", z: "bert", "4096": "electra" })) {
    cpSync(join(FIXTURES, type, "checkpoint"), join(folder, name), { recursive: true });
  }
  process.chdir(folder);
  onTestFinished(() => process.chdir(before));
});

const line = (text: string) => runHere(text.split(" "));
const typeOf = (folder: string) => JSON.parse(readFileSync(join(folder, "config.json"), "utf8")).model_type;
const untouched = () => expect(["mine", "z", "4096"].map(typeOf)).toEqual(["roberta", "bert", "electra"]);

/** Where a conversion would read and write, and its preset. */
async function planned(text: string): Promise<{ model: string; output: string; preset: string }> {
  const { code, stdout, stderr } = await line(`${text} --dry-run --json`);
  expect(code, stderr).toBe(0);
  const { output, plan } = JSON.parse(stdout);
  return { model: plan.record.source.model, output, preset: plan.record.options.preset };
}

async function refusal(args: string | readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await (typeof args === "string" ? line(args) : runHere(args));
  expect([code, stdout], stderr).toEqual([2, ""]);
  untouched();
  expect(readdirSync(".").sort()).toEqual(["4096", "mine", "z"]);
  return stderr;
}

describe("lsg-converter's names of the positions", () => {
  test.each([
    ["convert mine --model_name z", "mine", "z", "faithful"],
    ["convert --model_name z mine", "mine", "z", "faithful"],
    ["convert --model_name=z --block-size 128 mine", "mine", "z", "faithful"],
    ["convert mine z --model_name ./z", "mine", "z", "faithful"],
    ["convert --initial_model mine --model_name z", "mine", "z", "reference"],
    ["convert --model-name z --initial-model mine", "mine", "z", "reference"],
    ["--model_name z --initial_model mine", "mine", "z", "reference"],
    ["--seed 1 --initial_model=mine --model_name=z", "mine", "z", "reference"],
    ["convert --initial_model mine --model_name z --preset faithful", "mine", "z", "faithful"],
    ["convert mine z --initial_model mine", "mine", "z", "reference"],
    ["convert --initial_model mine", "mine", "mine-lsg-4096", "reference"],
  ])("%s converts %s into %s (%s)", async (text, model, output, preset) => {
    expect(await planned(text)).toEqual({ model, output, preset });
  });

  test("a lone --model_name is what --force replaces, never the model", async () => {
    const before = readFileSync("mine/model.safetensors");
    const { code, stderr } = await line("convert mine --model_name z --force --quiet");
    expect(code, stderr).toBe(0);
    expect(readFileSync("mine/model.safetensors").equals(before)).toBe(true);
    expect([typeOf("mine"), typeOf("z")]).toEqual(["roberta", "roberta"]);
    expect(existsSync("mine/lsg_conversion.json")).toBe(false);
  });

  test.each([
    ["mine z --model_name w", /two outputs are named: z \(the position\) and w \(--model_name\)/],
    ["mine --initial_model z", /two models are named: mine \(the position\) and z \(--initial_model\)/],
    ["mine --initial_model z --model_name w", /two models/],
    ["mine z --initial_model z --model_name mine", /two models/],
    ["mine --model_name z --model_name w", /two outputs are named: z \(--model_name\) and w/],
    ["--model_name z", /no model is named/],
    ["--model_name --force mine", /--model_name has no value/],
    ["mine --model_name=", /--model_name has no value/],
    ["mine --model_name", /argument missing/],
    ["mine --no_use_token_ids False", /False stands where the output does\n.*: \.\/False/],
  ])("convert %s --force is refused", async (text, message) => {
    expect(await refusal(`convert --force ${text}`.replace("--force --model_name", "--model_name"))).toMatch(
      message,
    );
  });

  test("a file that names an initial_model is one of arguments, whatever it is called or names besides", async () => {
    const file = {
      initial_model: "mine",
      model_name: "out",
      dry_run: true,
      json: true,
    };
    writeFileSync("config.json", JSON.stringify({ ...file, architectures: null }));
    writeFileSync("arguments.json", JSON.stringify(file));
    for (const text of ["arguments.json", "convert arguments.json", "config.json"]) {
      expect(JSON.parse((await line(text)).stdout)).toMatchObject({ output: "out" });
    }
  });
});

describe("a configuration stands for the folder that it lies in", () => {
  test.each([
    ["convert mine/config.json"],
    ["convert mine/config.json --seed 1"],
    ["convert --initial_model mine/config.json --preset faithful"],
    ["mine/config.json"],
  ])("%s", async (text) => {
    const { code, stdout, stderr } = await line(
      text.startsWith("convert") ? `${text} --dry-run --json` : text,
    );
    expect(code, stderr).toBe(0);
    const output = text.startsWith("convert")
      ? JSON.parse(stdout).output
      : readdirSync(".").find((name) => /-lsg-/.test(name));
    expect(output).toBe("mine-lsg-4096");
  });

  test.each([
    ["a byte order mark", "\ufeff{}"],
    ["NaN", '{"dropout": NaN}'],
    ["nothing of a model", "{}"],
  ])(
    "one with %s is none of lsg-converter's arguments either: the folder's fault is named",
    async (_, content) => {
      writeFileSync("mine/config.json", content);
      const { code, stderr } = await line("convert mine/config.json");
      expect(code).toBe(2);
      expect(stderr).not.toMatch(/arguments/);
      expect(stderr).toMatch(/config\.json/);
    },
  );

  test("its name may be another: what counts are a model's keys", async () => {
    cpSync("mine/config.json", "mine/bert_config.json");
    expect((await planned("convert mine/bert_config.json")).model).toBe("mine");
  });

  test.each([
    ["inspect mine/config.json", /^mine: RobertaForMaskedLM/],
    ["export mine/config.json --quiet", /^$/],
  ])("%s", async (text, stdout) => {
    const result = await line(text);
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(stdout);
    if (text.startsWith("export")) expect(existsSync("mine/onnx/model.onnx")).toBe(true);
  });

  test("verify mine/config.json", async () => {
    const { code, stderr } = await line("verify mine/config.json --device cpu --quiet");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/: mine is an ordinary \w+, .*lsg convert mine$/ms),
    ]);
  });

  test("as an output it is a mistake, whether it is there or not", async () => {
    expect(await refusal("convert mine z/config.json --force")).toMatch(
      /called like a file\n.*Name the folder: .*\/z/,
    );
    expect(await refusal("convert mine new/config.json")).toMatch(/Name the folder: .*\/new/);
    expect(await refusal("export mine new/config.json")).toMatch(/Name the folder: .*\/new/);
  });

  test("other JSON is neither a model nor arguments", async () => {
    expect(await refusal("convert mine/tokenizer.json")).toMatch(
      /names no initial_model\n.*lsg convert mine\n/,
    );
    mkdirSync("mine/list", { recursive: true });
    writeFileSync("mine/list/a.json", "[1]");
    for (const text of ["convert mine/list/a.json", "convert nowhere.json"]) {
      const { code, stderr } = await line(text);
      expect(code).toBe(2);
      expect(stderr).toMatch(/file of lsg-converter's arguments: .*\n {5}Such a file holds an object/);
    }
  });
});

describe("a bare number, or a flag's value, is no folder", () => {
  const FOLDER = "For a folder of that name: ./4096\n";
  test.each([
    ["convert mine 4096 --force", `did you mean --max-sequence-length 4096? ${FOLDER}`],
    ["convert mine/config.json 4096 --force", `did you mean --max-sequence-length 4096? ${FOLDER}`],
    ["convert mine z 4096 --force", "did you mean --max-sequence-length 4096?\n"],
    ["inspect mine 4096", "did you mean --max-sequence-length 4096?\n"],
    ["verify mine 4096", "did you mean --lengths 4096?\n"],
    ["bench mine 4096", "did you mean --lengths 4096?\n"],
    ["export mine 4096 --force", FOLDER],
    ["export mine True --force", "For a folder of that name: ./True\n"],
    ["inspect mine False", "leave it out"],
    ["push mine 4096", "For a repository of that name: OWNER/4096\n"],
  ])("%s", async (text, meant) => {
    expect(await refusal(text)).toContain(meant);
  });

  test("what is meant works as it is written there", async () => {
    expect(await planned("convert mine --max-sequence-length 4096")).toMatchObject({
      output: "mine-lsg-4096",
    });
    expect(await planned("convert mine ./4096")).toMatchObject({ model: "mine", output: "./4096" });
    expect((await line("inspect mine --max-sequence-length 4096")).code).toBe(0);
    expect((await line("export mine ./2048 --quiet")).code).toBe(0);
    expect(existsSync("2048/onnx/model.onnx")).toBe(true);
  });
});

test.each([
  ["convert", "mine", "", "--force"],
  ["convert", "", "z", "--force"],
  ["export", "mine", ""],
  ["inspect", ""],
])("an empty argument is no name: %j %j %j", async (...args) => {
  expect(await refusal(args)).toMatch(/an argument is empty\n.*variable/);
});

test("results do not go over a file of jobs", async () => {
  writeFileSync("jobs.yaml", "jobs: []\n");
  const { code, stderr } = await line("batch --junit jobs.yaml jobs.yaml");
  expect([code, readFileSync("jobs.yaml", "utf8")]).toEqual([2, "jobs: []\n"]);
  expect(stderr).toMatch(/--junit/);
});
