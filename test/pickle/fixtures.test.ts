import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { PickleError } from "../../src/base/errors.js";
import { readBytes } from "../../src/pickle/read-bytes.js";
import { readStateDict } from "../../src/pickle/state-dict.js";
import type { StoredTensor } from "../../src/pickle/stored-tensor.js";
import { gather } from "../../src/pickle/stored-tensor.js";
import { tensorBytes } from "../../src/safetensors/header.js";

const FOLDER = "fixtures/pickle";

const expected: Record<string, { dtype: string; shape: number[]; bytes: string }> = JSON.parse(
  readFileSync(`${FOLDER}/tensors.json`, "utf8"),
);

const FORMATS = ["zip", "protocol-5", "legacy"];

/** Their elements are not one range of the file. */
const STRIDED = ["u16.transposed", "transposed", "permuted", "column", "expanded"];

test.each(FORMATS)("%s.bin: every tensor has PyTorch's dtype, shape and bytes", async (format) => {
  const path = `${FOLDER}/${format}.bin`;
  const { tensors } = await readStateDict(path, "model.bin");
  const file = await open(path);
  onTestFinished(() => file.close());

  expect([...tensors.keys()]).toEqual(Object.keys(expected));
  expect([...tensors].filter(([, tensor]) => tensor.strides).map(([name]) => name)).toEqual(STRIDED);
  for (const [name, tensor] of tensors) {
    const { dtype, shape } = tensor;
    const bytes = tensor.strides
      ? await gather(file, tensor)
      : await readBytes(file, tensor.begin, tensor.begin + (tensorBytes(dtype, shape) ?? 0));
    expect({ dtype, shape, bytes: bytes.toString("hex") }, name).toEqual(expected[name]);
  }
});

test.each(FORMATS)("%s.bin: only views of the same elements in the same shape are tied", async (format) => {
  const { tensors } = await readStateDict(`${FOLDER}/${format}.bin`, "model.bin");
  const byStorage = new Map<string, string[]>();
  for (const [name, { storage }] of tensors) {
    byStorage.set(storage, [...(byStorage.get(storage) ?? []), name]);
  }
  expect([...byStorage.values()].filter((names) => names.length > 1)).toEqual([["embedding", "decoder"]]);
});

test("nested.bin: the dict of weights is read, whatever lies around it", async () => {
  const { tensors, keys } = await readStateDict(`${FOLDER}/nested.bin`, "model.bin");
  expect([[...tensors.keys()], keys]).toEqual([["weight", "bias"], ["state_dict"]]);
});

test.each(FORMATS)("%s.bin: what is no tensor is listed", async (format) => {
  const { ignored } = await readStateDict(`${FOLDER}/${format}.bin`, "model.bin");
  expect(ignored).toEqual(["step", "note", "sizes", "dtype", "none"]);
});

test("query, key and value share a storage and lie behind one another", async () => {
  const { tensors } = await readStateDict(`${FOLDER}/zip.bin`, "model.bin");
  const begin = (name: string) => (tensors.get(name) as StoredTensor).begin;
  expect([begin("key") - begin("query"), begin("value") - begin("query")]).toEqual([16, 32]);
});

test.each([
  [
    "whole-model",
    "model.bin: holds a whole model, not its state dict, and asks to run code: its pickle names " +
      "torch.nn.modules.linear.Linear, which a state dict has no need of; nothing was run",
    // Followed in test/parity.
    'torch.load("model.bin", map_location="cpu", weights_only=False))), "model.bin")\', and convert the copy',
  ],
  [
    "conjugated",
    'model.bin: tensor "weight" is a conjugated or negated view',
    "Use this model's safetensors files",
  ],
])("%s.bin is refused", async (name, message, remedy) => {
  const refusal = readStateDict(`${FOLDER}/${name}.bin`, "model.bin");
  await expect(refusal).rejects.toThrow(PickleError);
  await expect(refusal).rejects.toThrow(message);
  await expect(refusal).rejects.toHaveProperty("remedy", expect.stringContaining(remedy));
});
