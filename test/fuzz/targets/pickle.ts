import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PickleError } from "../../../src/base/errors.js";
import { readStateDict } from "../../../src/pickle/state-dict.js";
import { locateEntry, readZipDirectory } from "../../../src/pickle/zip.js";
import { DTYPES } from "../../../src/safetensors/dtype.js";
import { must, type Target } from "../target.js";

const FILES = [
  "zip.bin",
  "legacy.bin",
  "nested.bin",
  "protocol-5.bin",
  "conjugated.bin",
  "whole-model.bin",
].map((name) => `pickle/${name}`);
const OPCODES = "\x80()}]NKMJXcRQqhu.set0".split("");
const NAMES = [
  "ctorch._utils\n_rebuild_tensor_v2\n",
  "ctorch\nFloatStorage\n",
  "cos\nsystem\n",
  "storage",
  "cpu",
];

/** PyTorch's files, of both formats: every tensor that is found lies in the file. */
export const pickle: Target = {
  kind: "bytes",
  fixtures: FILES,
  words: [...OPCODES, ...NAMES, "\x8a\x0a", "G\x7f\xf0\0\0\0\0\0\0"],
  refusals: [PickleError],
  async check(input, folder) {
    const path = join(folder, "pytorch_model.bin");
    await writeFile(path, input);
    const { tensors } = await readStateDict(path, "fuzz");
    for (const [name, { dtype, shape, begin, strides }] of tensors) {
      const elements = strides
        ?.map((stride, i) => stride * Math.max(0, (shape[i] ?? 1) - 1))
        .reduce((a, b) => a + b, 1);
      const count = elements ?? shape.reduce((product, size) => product * size, 1);
      const isEmpty = shape.includes(0);
      must(
        begin >= 0 && (isEmpty || begin + (count * DTYPES[dtype].bits) / 8 <= input.length),
        `${name} lies in it`,
      );
    }
  },
};

/** The archive around a pickle: every file that is found lies before its directory. */
export const zip: Target = {
  kind: "bytes",
  fixtures: FILES.slice(0, 1),
  words: [
    "PK\x03\x04",
    "PK\x01\x02",
    "PK\x05\x06",
    "PK\x06\x06",
    "PK\x06\x07",
    "\xff\xff\xff\xff",
    "archive/data.pkl",
  ],
  refusals: [PickleError],
  async check(input, folder) {
    const path = join(folder, "archive.zip");
    await writeFile(path, input);
    const file = await open(path);
    try {
      const directory = await readZipDirectory(file, input.length);
      must(directory.begin <= input.length, "the directory lies in the file");
      for (const entry of directory.entries.values()) {
        const { begin, size } = await locateEntry(file, entry, directory);
        must(
          begin >= 0 && size >= 0 && begin + size <= directory.begin,
          `${entry.name} lies before the directory`,
        );
      }
    } finally {
      await file.close();
    }
  },
};
