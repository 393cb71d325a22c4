import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Comparison } from "../../src/commands/compare-dtypes.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { verify } from "../../src/commands/verify.js";
import { parseConvertOptions, parseExportOptions, parseVerifyOptions } from "../../src/options/options.js";
import type { FloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { changedCheckpoint } from "../support/changed-checkpoint.js";
import { type CliResult, LSG, lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { runHere } from "../support/in-process.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import "../support/one-thread.js";
import type { ReadTensor } from "../support/safetensors.js";
import { writeTinyModel } from "../support/tiny-model.js";
import { HOME } from "./sentence-transformers/support.js";

keepTokenizers();

const checkpoint = (type: string) => join(FIXTURES, type, "checkpoint");
const BERT = checkpoint("bert");

type Change = (value: number, row: number, column: number) => number;

/** Changes the numbers of tensors whose names end so; a vector's elements are its rows. */
function change(tensors: Map<string, ReadTensor>, ending: RegExp, to: Change): void {
  for (const [name, tensor] of tensors) {
    if (!ending.test(name)) continue;
    const width = tensor.shape[1] ?? 1;
    const dtype = tensor.dtype as FloatDtype;
    const values = decodeFloats(Buffer.from(tensor.bytes), dtype).map((value, i) =>
      to(value, Math.floor(i / width), i % width),
    );
    tensors.set(name, { ...tensor, bytes: encodeFloats(values, dtype) });
  }
}

/**
 * A BERT whose hidden states' element 0 is always zero and is multiplied with huge weights: floats compute what they would
 * with any, in 8 bits or 4 such a weight leaves nothing of its neighbours.
 */
const bad8 = (config = {}) =>
  changedCheckpoint(BERT, {
    config: { architectures: ["BertModel"], ...config },
    tensors(tensors) {
      change(tensors, /LayerNorm\.(gamma|beta)$/, (value, row) => (row === 0 ? 0 : value));
      change(tensors, /(query|key|value|intermediate\.dense)\.weight$/, (value, _, column) =>
        column === 0 ? 2e4 : value,
      );
      change(tensors, /layer\.\d+\.(attention\.)?output\.dense\.weight$/, (value) => 10 * value);
    },
  });

/** A BERT whose embeddings are so small that float16 has zeros for them, in front of a norm that makes them large. */
const bad16 = () =>
  changedCheckpoint(BERT, {
    config: { architectures: ["BertModel"], layer_norm_eps: 1e-30 },
    tensors: (tensors) => change(tensors, /embeddings\.weight$/, (value) => value * 1e-9),
  });

/** The files of a folder with their bytes. */
function contents(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), readFileSync(path)]),
  );
}

const compared = (comparison: Comparison | undefined) => {
  if (!comparison || "not_compared" in comparison) throw new Error("nothing was compared");
  return comparison;
};

/** What a message names to be taken instead. */
const insteadOf = ({ stderr }: CliResult) =>
  /Nothing was written\. Take --onnx ([a-z\d]+(?:,[a-z\d]+)*)/.exec(stderr)?.[1] ?? "";

const types = readdirSync(FIXTURES).filter((type) => existsSync(join(checkpoint(type), "config.json")));

describe.each(types)("%s", (type) => {
  const options = { onnx: "fp16,q8,q4" };
  const expectNear = (comparison: Comparison | undefined) => {
    const { dtypes } = compared(comparison);
    expect(Object.keys(dtypes)).toEqual(["fp16", "q8", "q4"]);
    for (const { cosine, least } of Object.values(dtypes)) {
      expect(cosine).toBeGreaterThanOrEqual(least);
      expect(cosine).toBeLessThan(1);
    }
  };

  test("each dtype is as near to float32 as it has to be", async () => {
    const output = join(await temporaryFolder(), "out");
    const { comparison } = await exportOnnx(checkpoint(type), output, parseExportOptions(options));
    expectNear(comparison);
  });

  test.skipIf(["longformer", "led"].includes(type))("also beyond two blocks", async () => {
    const output = join(await temporaryFolder(), "out");
    const { comparison } = await convert(checkpoint(type), output, parseConvertOptions(options));
    expectNear(comparison);
    expect(Math.max(...compared(comparison).lengths)).toBeGreaterThan(512);
  });
});

test.each(["pylate", "nested"])("what follows the transformer in %s is compared as well", async (name) => {
  const output = join(await temporaryFolder(), "out");
  const { comparison } = await exportOnnx(join(HOME, name), output, parseExportOptions({ onnx: "q8" }));
  expect(compared(comparison).dtypes.q8?.cosine).toBeGreaterThan(0.95);
});

test("scores of candidates are compared, of texts' windows", async () => {
  const source = join(FIXTURES, "wikihop", "model");
  const options = parseExportOptions({ onnx: "q8", task: "candidate-scoring" });
  const { comparison } = await exportOnnx(source, join(await temporaryFolder(), "out"), options);
  expect(compared(comparison).dtypes.q8?.cosine).toBeGreaterThan(0.95);
});

test("without a tokenizer inputs are random tokens", async () => {
  const { comparison } = await exportOnnx(
    await writeTinyModel(),
    join(await temporaryFolder(), "out"),
    parseExportOptions({ onnx: "fp16" }),
  );
  expect(comparison).toMatchObject({ inputs: "random tokens" });
});

test("the steps of a decoder are compared: one that loses too much is found behind a sound encoder", async () => {
  const source = await changedCheckpoint(checkpoint("bart"), {
    tensors(tensors) {
      change(tensors, /decoder\..*layer_?norm.*\.(weight|bias)$/, (value, row) => (row === 0 ? 0 : value));
      change(
        tensors,
        /decoder\.layers\.\d+\.(self_attn\.(q|k|v)_proj|encoder_attn\.q_proj|fc1)\.weight$/,
        (value, _, column) => (column === 0 ? 2e4 : 10 * value),
      );
      change(tensors, /decoder\.layers\.\d+\.(self_attn\.out_proj|fc2)\.weight$/, (value) => 10 * value);
    },
  });
  const output = join(await temporaryFolder(), "out");
  await expect(exportOnnx(source, output, parseExportOptions({ onnx: "q8" }))).rejects.toThrow(
    /the graph in q8 is not near enough to fp32: cosine \S+, where 0\.95 is the least/,
  );
  const { comparison } = await exportOnnx(source, output, parseExportOptions({ onnx: "fp16" }));
  expect(compared(comparison).dtypes.fp16?.cosine).toBeGreaterThan(0.999);
});

describe("the command line", () => {
  test("says the cosines, on the terminal and in JSON, and nothing of them in the folder", async () => {
    const parent = await temporaryFolder();
    const [a, b] = ["a", "b"].map((name) => join(parent, name)) as [string, string];
    const shown = await lsg(["export", BERT, a, "--onnx", "fp32,fp16,q8"]);
    expect(shown.stderr).toMatch(
      /\n {2}fp16 beside fp32: cosine 0\.99\d+ on 3 texts of up to 128 tokens \(at least 0\.999\)\n/,
    );
    expect(shown.stderr).toMatch(
      /\n {2}q8 beside fp32: cosine 0\.\d+ on 3 texts of up to 128 tokens \(at least 0\.95\)\n$/,
    );
    const { comparison } = JSON.parse(
      (await lsg(["export", BERT, b, "--onnx", "fp32,fp16,q8", "--json"])).stdout,
    );
    expect(comparison).toEqual({
      inputs: "texts",
      lengths: [8, 40, 128],
      dtypes: {
        fp16: { cosine: expect.any(Number), least: 0.999 },
        q8: { cosine: expect.any(Number), least: 0.95 },
      },
    });
    expect(contents(a)).toEqual(contents(b));
    for (const [path, content] of contents(a)) expect(content.includes("cosine"), path).toBe(false);
  });

  test("says nothing where there is float32 alone", async () => {
    const output = join(await temporaryFolder(), "out");
    const { stdout } = await lsg(["export", BERT, output, "--json"]);
    expect(JSON.parse(stdout)).not.toHaveProperty("comparison");
  });

  test("converts with cosines too", async () => {
    const output = join(await temporaryFolder(), "out");
    const { stderr } = await lsg(["convert", BERT, output, "--onnx", "q8"]);
    expect(stderr).toMatch(
      /\n {2}q8 beside fp32: cosine 0\.\d+ on 4 texts of up to 517 tokens \(at least 0\.95\)\n$/,
    );
  });
});

describe("a dtype that loses too much", () => {
  test.each([
    { verb: "export", name: "q8", source: bad8, instead: "fp16" },
    { verb: "export", name: "fp32,q4", source: bad8, instead: "fp32,fp16" },
    { verb: "export", name: "fp16,q8", source: bad16, instead: "fp32,q8" },
    { verb: "convert", name: "q8", source: bad8, instead: "fp16" },
    { verb: "convert", name: "fp16", source: bad16, instead: "fp32" },
  ])(
    "$verb --onnx $name: exit code 1, nothing is written, and what it says to take instead works",
    async ({ verb, name, source, instead }) => {
      const [model, parent] = [await source(), await temporaryFolder()];
      const output = join(parent, "out");
      const refused = await runHere([verb, model, output, "--onnx", name]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /the graph in \w+ is not near enough to fp32: cosine [\d.]+, where 0\.\d+ is the least/,
      );
      expect(await readdir(parent)).toEqual([]);
      expect(insteadOf(refused)).toBe(instead);
      const done = await runHere([verb, model, output, "--onnx", insteadOf(refused)]);
      expect(done.code, done.stderr).toBe(0);
    },
  );

  test("leaves a folder as it was: the model's own, and one that --force would replace", async () => {
    const own = await bad8();
    await exportOnnx(own, undefined, parseExportOptions({}));
    const before = contents(own);
    const falls = { name: "PrecisionError", exitCode: 1 };
    await expect(exportOnnx(own, undefined, parseExportOptions({ onnx: "q8" }))).rejects.toMatchObject(falls);
    expect(contents(own)).toEqual(before);

    const other = join(await temporaryFolder(), "out");
    const given = { force: true, onnx: "fp32,q8", onnxWeights: "external" };
    await convert(own, other, parseConvertOptions({}));
    const there = contents(other);
    await expect(exportOnnx(own, other, parseExportOptions(given))).rejects.toMatchObject(falls);
    await expect(convert(own, other, parseConvertOptions(given))).rejects.toMatchObject(falls);
    expect(contents(other)).toEqual(there);
    expect(await readdir(dirname(other))).toEqual(["out"]);
  });

  test("is named in JSON", async () => {
    const { code, stdout } = await runHere([
      "export",
      await bad8(),
      join(await temporaryFolder(), "out"),
      "--onnx",
      "q8",
      "--json",
    ]);
    expect(code).toBe(1);
    const { error } = JSON.parse(stdout);
    expect(error.message).toMatch(
      /^the graph in q8 is not near enough to fp32: cosine 0\.\d+, where 0\.95 is the least$/,
    );
    expect(error.remedy).toMatch(
      /^Nothing was written\. Take --onnx fp16, which has a cosine of 0\.99\d+\.$/,
    );
  });
});

describe("without ONNX Runtime", () => {
  /** The program in a folder of its own, with every package beside it but the optional one. */
  async function withoutRuntime(): Promise<string> {
    const [folder, root] = [await temporaryFolder(), dirname(dirname(LSG))];
    for (const part of ["bin", "dist", "converters", "package.json"]) {
      await cp(join(root, part), join(folder, part), { recursive: true });
    }
    const packages = join(fileURLToPath(new URL("../../", import.meta.url)), "node_modules");
    await mkdir(join(folder, "node_modules"));
    for (const name of await readdir(packages)) {
      if (!name.startsWith("onnxruntime") && !name.startsWith("."))
        await symlink(join(packages, name), join(folder, "node_modules", name));
    }
    return join(folder, "bin", "lsg.js");
  }

  test("graphs are written all the same, and the last line says that they were not compared", async () => {
    const [program, parent] = [await withoutRuntime(), await temporaryFolder()];
    const run = (...args: string[]) => lsg(args, {}, program);
    const out = (name: string) => join(parent, name);
    for (const verb of ["export", "convert"]) {
      const { code, stderr } = await run(verb, BERT, out(verb), "--onnx", "q8");
      expect(code, stderr).toBe(0);
      expect(stderr.trimEnd().split("\n").at(-1)?.trim()).toBe("not compared: ONNX Runtime is missing");
      const beside = out(`${verb}-2`);
      expect((await lsg([verb, BERT, beside, "--onnx", "q8"])).code).toBe(0);
      expect(contents(out(verb))).toEqual(contents(beside));
    }
    const { stdout } = await run("export", BERT, out("json"), "--onnx", "q8", "--json");
    expect(JSON.parse(stdout).comparison).toEqual({ not_compared: "ONNX Runtime is missing" });
  });

  test("a graph that loses too much is found by a verification, which says what helps", async () => {
    const [program, source, parent] = [await withoutRuntime(), await bad8(), await temporaryFolder()];
    const output = join(parent, "out");
    const graphChecks = async (run: Promise<CliResult>) => {
      expect((await run).code).toBe(0);
      const { checks } = await verify(output, parseVerifyOptions({ device: "cpu", lengths: [5, 40] }));
      return new Map(checks.filter(({ id }) => id.startsWith("graph")).map((check) => [check.id, check]));
    };
    const flags = [source, output, "--force", "--max-sequence-length", "1024", "--onnx"];
    const q8 = await graphChecks(lsg(["convert", ...flags, "q8"], {}, program));
    expect(q8.get("graph-bytes-q8")?.verdict).toBe("pass");
    expect(q8.get("graph-q8")).toMatchObject({
      verdict: "fail",
      remedy: "These weights lose too much in this dtype: convert again with --onnx fp32.",
    });
    const fp32 = await graphChecks(lsg(["convert", ...flags, "fp32"]));
    expect([...fp32.values()].map(({ verdict }) => verdict)).toEqual(["pass", "pass", "pass"]);
  });
});
