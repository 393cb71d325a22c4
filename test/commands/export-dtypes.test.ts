import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import "../support/one-thread.js";
import { axesOf, type Outputs, openModel, runModel } from "../support/onnx.js";
import { writeSafetensors } from "../support/safetensors.js";
import { tinyTensors, writeTinyModel } from "../support/tiny-model.js";

const ALL = "fp32,fp16,q8,q4";
const FILES = ["model.onnx", "model_fp16.onnx", "model_quantized.onnx", "model_q4.onnx"];
const checkpoint = (type: string) => join(FIXTURES, type, "checkpoint");

async function exportTo(
  source: string,
  given: Record<string, unknown>,
  parent: string | Promise<string> = temporaryFolder(),
): Promise<string> {
  const output = join(await parent, "out");
  await exportOnnx(source, output, parseExportOptions(given));
  return output;
}

const hintsOf = async (folder: string) =>
  JSON.parse(await readFile(join(folder, "config.json"), "utf8"))["transformers.js_config"];

/** Two rows of tokens, the second one padded. */
function rows(length: number, vocabulary: number) {
  const values = Array.from({ length: 2 * length }, (_, i) => 5 + ((i * 7919) % (vocabulary - 5)));
  const dims = [2, length];
  return {
    input_ids: { dims, values },
    attention_mask: { dims, values: values.map((_, i) => (i < length || i % 2 === 0 ? 1 : 0)) },
    token_type_ids: { dims, values: values.map((_, i) => i % 2) },
  };
}

async function run(graph: string, length: number, vocabulary: number): Promise<Outputs> {
  const session = await openModel(graph);
  try {
    for (const name of session.outputNames) axesOf(session.outputMetadata, name);
    const inputs = Object.entries(rows(length, vocabulary)).filter(([name]) =>
      session.inputNames.includes(name),
    );
    return await runModel(session, Object.fromEntries(inputs));
  } finally {
    await session.release();
  }
}

/** ‖a − b‖ / ‖b‖ over all outputs. */
function relativeError(actual: Outputs, expected: Outputs): number {
  let [error, size] = [0, 0];
  for (const [name, { values }] of Object.entries(expected)) {
    const other = actual[name]?.values ?? new Float32Array(0);
    expect(other.length, name).toBe(values.length);
    values.forEach((value, i) => {
      error += ((other[i] ?? Number.NaN) - value) ** 2;
      size += value ** 2;
    });
  }
  return Math.sqrt(error / size);
}

describe.each(["albert", "distilbert", "longformer", "mpnet"])("%s", (type) => {
  let folder: string;
  beforeAll(async () => {
    folder = await exportTo(checkpoint(type), { onnx: ALL }, mkdtemp(join(tmpdir(), "lsg-dtypes-")));
  });
  afterAll(() => rm(dirname(folder), { recursive: true }));

  // Measured: fp16 6.6e-4 to 1.1e-3, q8 0.013 to 0.022, q4 0.12 to 0.27: rows of 32 random numbers quantise badly.
  test.each([
    ["model_fp16.onnx", 2e-3],
    ["model_quantized.onnx", 0.04],
    ["model_q4.onnx", 0.35],
  ])("%s is near float32", async (file, tolerance) => {
    for (const length of [1, 40]) {
      const [expected, actual] = await Promise.all(
        ["model.onnx", file].map((name) => run(join(folder, "onnx", name), length, 96)),
      );
      const error = relativeError(actual as Outputs, expected as Outputs);
      expect(error, `${length} tokens`).toBeGreaterThan(0);
      expect(error, `${length} tokens`).toBeLessThan(tolerance);
    }
  });
});

describe("the folder", () => {
  test("has a graph for each dtype, each smaller than float32's; clients choose by themselves", async () => {
    const folder = await exportTo(checkpoint("bert"), { onnx: ALL });
    expect((await readdir(join(folder, "onnx"))).sort()).toEqual([...FILES].sort());
    const sizes = await Promise.all(FILES.map(async (file) => (await stat(join(folder, "onnx", file))).size));
    const [fp32 = 0, ...others] = sizes;
    for (const size of others) expect(size).toBeLessThan(fp32);
    expect(await hintsOf(folder)).toBeUndefined();
  });

  test.each([
    ["fp16", { dtype: "fp16" }],
    ["q4,q8", { dtype: "q8" }],
    ["fp32,fp16", { dtype: "fp32" }],
  ])("of %s names what Transformers.js would not find by itself", async (onnx, hints) => {
    expect(await hintsOf(await exportTo(checkpoint("bert"), { onnx }))).toEqual(hints);
  });

  test("keeps graphs of other dtypes, and replaces those of the same", async () => {
    const folder = join(await temporaryFolder(), "model");
    await cp(checkpoint("bert"), folder, { recursive: true });
    const again = (given: Record<string, unknown>) =>
      exportOnnx(folder, undefined, parseExportOptions(given));
    await again({ onnx: "fp32,q4", onnxWeights: "external" });
    await again({ onnx: "q8" });
    await again({ onnx: "q4" });
    expect((await readdir(join(folder, "onnx"))).sort()).toEqual(
      ["model.onnx", "model.onnx_data", "model_q4.onnx", "model_quantized.onnx"].sort(),
    );
    expect(await hintsOf(folder)).toEqual({ use_external_data_format: { "model.onnx": 1 } });
  });

  test("that shares its weights has the others' graphs beside, with their own", async () => {
    const folder = await exportTo(checkpoint("bert"), { onnx: "fp32,q8", onnxWeights: "shared" });
    expect(existsSync(join(folder, "onnx"))).toBe(false);
    const [shared, own] = await Promise.all(
      ["model.onnx", "model_quantized.onnx"].map((file) => run(join(folder, file), 9, 96)),
    );
    expect(relativeError(own as Outputs, shared as Outputs)).toBeLessThan(0.04);
  });

  test("of an encoder-decoder has four graphs for each dtype", async () => {
    const folder = await exportTo(checkpoint("bart"), { onnx: "q8,fp16" });
    const names = ["encoder_model", "decoder_model", "decoder_with_past_model", "decoder_model_merged"];
    const files = ["fp16", "quantized"].flatMap((suffix) => names.map((name) => `${name}_${suffix}.onnx`));
    expect((await readdir(join(folder, "onnx"))).sort()).toEqual(files.sort());
  });
});

test("q8 holds whole numbers but for norms, biases and scales, in operators of ONNX alone", async () => {
  const folder = await exportTo(checkpoint("bert"), { onnx: "q8" });
  const model = fromBinary(ModelProtoSchema, await readFile(join(folder, "onnx", "model_quantized.onnx")));
  const floats = model.graph?.initializer.filter(({ dataType }) => dataType === TensorProto_DataType.FLOAT);
  const matrices = floats?.filter(({ dims }) => dims.length > 1).map(({ name }) => name);
  expect(matrices).toEqual(["bert.embeddings.token_type_embeddings.weight", "cls.seq_relationship.weight"]);
  expect(model.opsetImport.map(({ domain }) => domain)).toEqual(["", "lsg"]);
});

test.each([
  ["fp16", 1e5, /tensor "\S+" holds 100000, and float16 ends at 65504/],
  ["q8", Number.NaN, /tensor "\S+" holds NaN, which cannot be quantised/],
  ["q4", Number.POSITIVE_INFINITY, /tensor "\S+" holds Infinity, which cannot be quantised/],
])("%s refuses a weight of %d, and leaves the folder as it was", async (onnx, value, message) => {
  const name = "embeddings.word_embeddings.weight";
  const tensors = tinyTensors();
  const { bytes } = tensors[name] ?? { bytes: Buffer.alloc(0) };
  bytes.writeFloatLE(value, 4);
  const folder = await writeTinyModel({ files: { "model.safetensors": writeSafetensors(tensors) } });
  const before = (await readdir(folder, { recursive: true })).sort();
  await expect(exportOnnx(folder, undefined, parseExportOptions({ onnx }))).rejects.toThrow(message);
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(before);
});

test("the command line tells the sizes, and refuses other dtypes", async () => {
  const output = join(await temporaryFolder(), "out");
  const done = await lsg(["export", checkpoint("bert"), output, "--onnx", "q8,fp32"]);
  expect(done.stderr).toMatch(/onnx\/model\.onnx \(\S+ MB\), onnx\/model_quantized\.onnx \(\S+ MB\)/);
  const refused = await lsg(["export", checkpoint("bert"), `${output}-2`, "--onnx", "int8"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/--onnx "int8": expected one of fp32, fp16, q8, q4/);
});
