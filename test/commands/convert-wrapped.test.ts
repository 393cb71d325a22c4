import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { LsgError } from "../../src/base/errors.js";
import { isModelWeights } from "../../src/checkpoint/left-out.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { inspect } from "../../src/commands/inspect.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { serializeHeader, type TensorInfo } from "../../src/safetensors/header.js";
import { dict } from "../pickle/assemble.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type ReadTensor, readFolder, readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { writeStateDict } from "../support/state-dict.js";
import { writeSmallBert } from "../verify/small-bert.js";

type Tensors = Record<string, ReadTensor>;

const SOURCE = join(FIXTURES, "roberta", "checkpoint-1026");
const PLAIN: Tensors = Object.fromEntries(readFolder(SOURCE));

/** The files in which weights lie, by how they were saved. */
const CONTAINERS: Readonly<Record<string, (tensors: Tensors) => Record<string, string | Buffer>>> = {
  safetensors: (tensors) => ({ "model.safetensors": writeSafetensors(tensors) }),
  "a .bin": (tensors) => ({ "pytorch_model.bin": writeStateDict(tensors) }),
  "safetensors called .bin": (tensors) => ({ "pytorch_model.bin": writeSafetensors(tensors) }),
  "shards of safetensors": (tensors) => sharded(tensors, "model", "safetensors", writeSafetensors),
  "shards of .bin": (tensors) => sharded(tensors, "pytorch_model", "bin", writeStateDict),
};

function sharded(tensors: Tensors, name: string, ending: string, write: (tensors: Tensors) => Buffer) {
  const entries = Object.entries(tensors);
  const half = Math.floor(entries.length / 2);
  const parts = [entries.slice(0, half), entries.slice(half)];
  const file = (i: number) => `${name}-0000${i + 1}-of-00002.${ending}`;
  const weight_map = Object.fromEntries(parts.flatMap((part, i) => part.map(([one]) => [one, file(i)])));
  return {
    [`${name}.${ending}.index.json`]: JSON.stringify({ weight_map }),
    ...Object.fromEntries(parts.map((part, i) => [file(i), write(Object.fromEntries(part))])),
  };
}

const renamed = (tensors: Tensors, wrap: (name: string) => string): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [wrap(name), tensor]));

const halved = (tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { ...tensor, dtype: "BF16", bytes: encodeFloats(decodeFloats(tensor.bytes, "F32"), "BF16") },
    ]),
  );

/** The fixture's folder with other weights. */
async function sourceWith(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const folder = join(await temporaryFolder(), "source");
  await cp(SOURCE, folder, { recursive: true, filter: (path) => !isModelWeights(basename(path)) });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

const GIVEN = { maxSequenceLength: 2048 };

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  const result = await convert(source, output, parseConvertOptions({ ...GIVEN, ...given }));
  return { output, result, tensors: readFolder(output) };
}

const digest = (tensors: ReadonlyMap<string, ReadTensor>) =>
  [...tensors]
    .map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, bytes.toString("base64")])
    .sort();

describe("a wrapped model converts into what the model itself does", () => {
  const wrap = (name: string) => `module._orig_mod.${name}`;

  test.each(Object.keys(CONTAINERS))("%s", async (container) => {
    const write = CONTAINERS[container]!;
    const plain = await converted(await sourceWith(write(PLAIN)));
    const { tensors, result } = await converted(await sourceWith(write(renamed(PLAIN, wrap))));
    expect(digest(tensors)).toEqual(digest(plain.tensors));
    expect(result.plan.notes).toContain(
      'Every tensor\'s name begins with "module._orig_mod.": read without it, as the model itself names them.',
    );
    expect(result.plan.record.promise).toEqual(plain.result.plan.record.promise);
  });

  test("in bfloat16, and inside a training checkpoint", async () => {
    const tensors = halved(renamed(PLAIN, (name) => `model.${name}`));
    const plain = await converted(await sourceWith(CONTAINERS.safetensors!(halved(PLAIN))));
    const file = writeStateDict(tensors, (weights) =>
      dict([
        ["state_dict", weights],
        ["epoch", 3],
      ]),
    );
    const found = await converted(await sourceWith({ "pytorch_model.bin": file }));
    expect(digest(found.tensors)).toEqual(digest(plain.tensors));
    expect(found.result.plan.notes.slice(0, 2)).toEqual([
      'pytorch_model.bin is a training checkpoint: its weights are read from "state_dict", the rest is left aside.',
      'Every tensor\'s name begins with "model.": read without it, as the model itself names them.',
    ]);
  });

  test.each(["safetensors", "a .bin"])("and is verified against its source: %s", async (container) => {
    const source = writeSmallBert(join(await temporaryFolder(), "source"));
    const tensors = renamed(Object.fromEntries(readFolder(source)), wrap);
    await rm(join(source, "model.safetensors"));
    for (const [path, content] of Object.entries(CONTAINERS[container]!(tensors))) {
      await writeFile(join(source, path), content);
    }
    const { result } = await converted(source, { maxSequenceLength: 96, runTest: true, device: "cpu" });
    expect(result.verification?.verdict).toBe("sound");
  });

  // A shard that is as planned is copied whole: here its names are others.
  test("also where a shard holds nothing that changes", async () => {
    const [last = ""] = Object.keys(PLAIN).toReversed();
    const tensors = renamed(PLAIN, wrap);
    const { [wrap(last)]: alone, ...others } = tensors;
    const files = {
      "model-00001-of-00002.safetensors": writeSafetensors(others),
      "model-00002-of-00002.safetensors": writeSafetensors({ [wrap(last)]: alone! }),
    };
    const weight_map = Object.fromEntries(
      Object.keys(tensors).map((name) => [
        name,
        `model-0000${name === wrap(last) ? 2 : 1}-of-00002.safetensors`,
      ]),
    );
    const source = await sourceWith({
      ...files,
      "model.safetensors.index.json": JSON.stringify({ weight_map }),
    });
    const { output } = await converted(source);
    expect([...readSafetensors(join(output, "model-00002-of-00002.safetensors")).keys()]).toEqual([last]);
  });

  test("its graphs point into its file; export and inspect say how it is read", async () => {
    const source = await sourceWith(CONTAINERS["safetensors called .bin"]!(renamed(PLAIN, wrap)));
    const output = join(await temporaryFolder(), "onnx");
    const { notes } = await exportOnnx(source, output, parseExportOptions({ onnxWeights: "shared" }));
    expect(existsSync(join(output, "model.onnx"))).toBe(true);
    const { conversion } = await inspect(source, parseConvertOptions(GIVEN));
    for (const said of [notes[0], "notes" in conversion && conversion.notes[0]]) {
      expect(said).toMatch(/begins with "module._orig_mod\."/);
    }
  });
});

describe("a model in a module with more in it", () => {
  const refusalOf = async (source: string): Promise<LsgError> => {
    const error: unknown = await converted(source).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LsgError);
    return error as LsgError;
  };

  test("is refused: the error names the prefix, what lies outside, and the way out", async () => {
    const crf: ReadTensor = { dtype: "F32", shape: [2, 2], bytes: Buffer.alloc(16) };
    const tensors = { ...renamed(PLAIN, (name) => `net.${name}`), "crf.transitions": crf };
    const error = await refusalOf(await sourceWith(CONTAINERS.safetensors!(tensors)));
    expect(error.message).toBe(
      'model.safetensors: the model stands under the prefix "net.", in a module with more in it (1 tensor outside: ' +
        "crf.transitions); what that module computes is not known here",
    );
    // The Python is run in test/parity.
    expect(error.remedy).toContain('for f in ["model.safetensors"]]; p = "net.";');
    expect(error.remedy).toMatch(/, convert the copy, and put the result back into the module yourself\.$/);
    const { conversion } = await inspect(
      await sourceWith(CONTAINERS.safetensors!(tensors)),
      parseConvertOptions(GIVEN),
    );
    expect(conversion).toEqual({ refused: error.message, remedy: error.remedy });
  });
});

test("safetensors without metadata get the format that transformers asks for", async () => {
  let end = 0;
  const infos = Object.entries(PLAIN).map(([name, { dtype, shape, bytes }]): [string, TensorInfo] => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const data = Object.values(PLAIN).map(({ bytes }) => bytes);
  const file = Buffer.concat([serializeHeader(new Map(infos), undefined), ...data]);
  // At the source's own length no tensor but the global tokens' is new.
  const { output } = await converted(await sourceWith({ "model.safetensors": file }), {
    maxSequenceLength: 1024,
  });
  const written = await readFile(join(output, "model.safetensors"));
  expect(written.subarray(8, 60).toString()).toMatch(/^\{"__metadata__":\{"format":"pt"\},/);
});
