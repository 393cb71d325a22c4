import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../../src/base/errors.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { call, dict, op, type Pushed, pickle, storage, zip } from "../pickle/assemble.js";
import { temporaryFolder } from "../support/fixtures.js";
import { readSafetensors } from "../support/safetensors.js";
import { writeSmallBert } from "../verify/small-bert.js";

/** A view of a storage, as the small BERT's tensors are of theirs. */
interface View {
  readonly name: string;
  readonly key: string;
  readonly elements: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A small BERT as pytorch_model.bin, with more views and the storages that they lie in. */
function writeWith(folder: string, more: readonly View[], stored: Readonly<Record<string, Buffer>>): string {
  writeSmallBert(folder);
  const own = [...readSafetensors(join(folder, "model.safetensors"))].map(([name, { shape, bytes }], i) => ({
    view: { name, key: String(i), elements: bytes.length / 4, shape, strides: contiguous(shape) },
    bytes,
  }));
  const entries = [...own.map(({ view }) => view), ...more].map(({ name, key, elements, shape, strides }) => {
    const place = storage({ type: op.global("torch", "FloatStorage"), key, elements });
    return [
      name,
      call("torch._utils", "_rebuild_tensor_v2", [place, 0, [...shape], [...strides], false, null]),
    ];
  });
  rmSync(join(folder, "model.safetensors"));
  writeFileSync(
    join(folder, "pytorch_model.bin"),
    zip({
      "archive/data.pkl": pickle(dict(entries as [string, Pushed][])),
      "archive/byteorder": Buffer.from("little"),
      ...Object.fromEntries(own.map(({ view: { key }, bytes }) => [`archive/data/${key}`, bytes])),
      ...Object.fromEntries(Object.entries(stored).map(([key, bytes]) => [`archive/data/${key}`, bytes])),
    }),
  );
  return folder;
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

async function conversionOf(more: readonly View[], stored: Readonly<Record<string, Buffer>>) {
  const root = await temporaryFolder();
  const model = writeWith(join(root, "model"), more, stored);
  const output = join(root, "output");
  const error: unknown = await convert(model, output, parseConvertOptions({ maxSequenceLength: 96 })).catch(
    (thrown: unknown) => thrown,
  );
  return { error, output, size: statSync(join(model, "pytorch_model.bin")).size };
}

describe("a PyTorch file that would become larger than it is", () => {
  test("by strides of 0 is refused: tensor, storage, shape and strides are named", async () => {
    const view = { name: "extra.table", key: "x", elements: 4, shape: [2 ** 22, 4], strides: [0, 1] };
    const { error, output } = await conversionOf([view], { x: Buffer.alloc(16) });
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toContain(
      'pytorch_model.bin: tensor "extra.table" is F32 [4194304,4] with strides [0,1], 67108864 bytes, and its storage "x" has 16',
    );
    expect(existsSync(output)).toBe(false);
  });

  test("by strides that overlap", async () => {
    const view = { name: "extra.table", key: "x", elements: 5000, shape: [4000, 1000], strides: [1, 1] };
    const { error } = await conversionOf([view], { x: Buffer.alloc(20_000) });
    expect(String(error)).toContain(
      '[4000,1000] with strides [1,1], 16000000 bytes, and its storage "x" has 20000',
    );
  });

  test("by many names for one storage", async () => {
    const names = Array.from({ length: 500 }, (_, i) => `extra.${i}.weight`);
    const views = names.map((name) => ({ name, key: "x", elements: 50_000, shape: [50_000], strides: [1] }));
    const { error, output } = await conversionOf(views, { x: Buffer.alloc(200_000) });
    expect(String(error)).toMatch(/500 tensors that BertForMaskedLM does not have come to 100000000 bytes/);
    expect(existsSync(output)).toBe(false);
  });

  test("is taken where the config asks for the shape, and where a tensor is no larger than its storage", async () => {
    const positions = "bert.embeddings.position_ids";
    const { error, output } = await conversionOf(
      [
        { name: positions, key: "x", elements: 32, shape: [1, 32], strides: [0, 1] },
        { name: "extra.turned", key: "y", elements: 6, shape: [2, 3], strides: [1, 2] },
      ],
      { x: Buffer.alloc(128), y: Buffer.alloc(24) },
    );
    expect(error).not.toBeInstanceOf(Error);
    expect(readSafetensors(join(output, "model.safetensors")).get("extra.turned")?.shape).toEqual([2, 3]);
  });
});
