import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { modelTypes } from "../../src/architectures/architectures.js";
import { NEEDS_CODE } from "../../src/architectures/modeling.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { writeTinyModel } from "../support/tiny-model.js";

const KEY = "_attn_implementation";

const checkpoint = (modelType: string) => join(FIXTURES, modelType, "checkpoint");
const configOf = (folder: string) => JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
const codeOf = (folder: string) => readdirSync(folder).filter((file) => file.endsWith(".py"));

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out-v1.5");
  const { plan } = await convert(source, output, parseConvertOptions(given));
  return { output, plan };
}

test.each(modelTypes())("a %s is opened with its code, or not at all", async (modelType) => {
  const { output, plan } = await converted(checkpoint(modelType));
  const isKnown = plan.record.variant === "longformer";
  expect(codeOf(output)).toEqual(isKnown ? [] : [`modeling_lsg_${modelType.replaceAll("-", "_")}.py`]);
  expect(configOf(output)[KEY]).toBe(isKnown ? undefined : NEEDS_CODE);
  expect(readFileSync(join(output, "README.md"), "utf8").includes(NEEDS_CODE)).toBe(!isKnown);
  expect(plan.notes.at(-1)?.includes(NEEDS_CODE) ?? false).toBe(!isKnown);
});

test("transformers' own Longformer needs no code", async () => {
  const { output } = await converted(checkpoint("roberta"), { to: "longformer" });
  expect(codeOf(output)).toEqual([]);
  expect(configOf(output)).not.toHaveProperty(KEY);
});

const windowed = modelTypes().filter((type) => !["longformer", "led", "bert-generation"].includes(type));

test.each(windowed)("windows of a %s have their code beside them, and open without it", async (modelType) => {
  const { output, plan } = await converted(checkpoint(modelType), { to: "windows" });
  expect(codeOf(output)).toEqual([`modeling_windows_${modelType.replaceAll("-", "_")}.py`]);
  const { auto_map: classes, [KEY]: attention } = configOf(output);
  expect(attention).toBe(configOf(checkpoint(modelType))[KEY]);
  const code = readFileSync(join(output, codeOf(output)[0] ?? ""), "utf8");
  for (const name of Object.values<string>(classes)) expect(code).toContain(`class ${name.split(".")[1]}(`);
  expect(plan.notes.at(-1)).toMatch(
    /^Open it with trust_remote_code=True: without it transformers opens \w+, which reads/,
  );
});

test("whatever attention the source asked for gives way", async () => {
  const { output } = await converted(await writeTinyModel({ config: { [KEY]: "sdpa" } }));
  expect(configOf(output)[KEY]).toBe(NEEDS_CODE);
  expect(readFileSync(join(output, "config.json"), "utf8").split(KEY)).toHaveLength(2);
});

test("a user cannot set it", () => {
  const given = { modelKwargs: { [KEY]: "eager" }, dryRun: true };
  return expect(convert(checkpoint("bert"), undefined, parseConvertOptions(given))).rejects.toThrow(
    `--model-kwargs: "${KEY}" cannot be set`,
  );
});

test("a folder of 0.1.0, with twelve files, becomes one with one", async () => {
  const earlier = join(FIXTURES, "earlier", "0.1.0");
  expect(codeOf(earlier)).toHaveLength(12);
  for (const resizeLsg of [true, false]) {
    const { output } = await converted(earlier, { resizeLsg, maxSequenceLength: 700 });
    expect(codeOf(output)).toEqual(["modeling_lsg_bert.py"]);
    expect(configOf(output)[KEY]).toBe(NEEDS_CODE);
  }
});

test("a longer one of our own says it once", async () => {
  const { output } = await converted(checkpoint("bert"), { maxSequenceLength: 600 });
  const longer = await converted(output, { resizeLsg: true, maxSequenceLength: 700 });
  expect(codeOf(longer.output)).toEqual(["modeling_lsg_bert.py"]);
  expect(readFileSync(join(longer.output, "config.json"), "utf8").split(KEY)).toHaveLength(2);
});

test("an export keeps code and key, beside the model and in a folder of its own", async () => {
  const { output } = await converted(checkpoint("bert"), { maxSequenceLength: 600 });
  const folder = join(await temporaryFolder(), "exported");
  await exportOnnx(output, folder, parseExportOptions({}));
  await exportOnnx(output, undefined, parseExportOptions({}));
  for (const path of [folder, output]) {
    expect(codeOf(path)).toEqual(["modeling_lsg_bert.py"]);
    expect(configOf(path)[KEY]).toBe(NEEDS_CODE);
  }
});

test("the terminal ends with it", async () => {
  const output = join(await temporaryFolder(), "out");
  const { stderr } = await lsg(["convert", checkpoint("bert"), output]);
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /^ {2}Open it with trust_remote_code=True: .*ValueError/,
  );
});
