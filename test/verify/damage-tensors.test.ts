import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES } from "../support/fixtures.js";
import { readSafetensors } from "../support/safetensors.js";
import { edit, editTensors } from "./damage.js";
import { converted, convertedSmallBert, testCrimes, testFileCrimes } from "./support.js";

const POSITIONS = "bert.embeddings.position_embeddings.weight";
const KEY_BIAS = "bert.encoder.layer.0.attention.self.key.bias";
const OUTPUTS = ["lossless", "lossless-head", "predictions"];

const small = convertedSmallBert();
const bfloat16 = convertedSmallBert({ dtype: "BF16", config: { torch_dtype: "bfloat16" } });
const sharded = converted(join(FIXTURES, "bert", "checkpoint"), { maxSequenceLength: 528, blockSize: 16 });

describe("a tensor", () => {
  testCrimes(small, {
    removed: {
      damage: (folder) => editTensors(folder, (tensors) => tensors.delete(KEY_BIAS)),
      fails: ["weights", "load"],
      says: /layer\.0\.attention\.self\.key\.bias is missing/,
    },
    "of the head removed": {
      damage: (folder) => editTensors(folder, (tensors) => tensors.delete("cls.predictions.bias")),
      fails: ["weights", "load"],
      says: /cls\.predictions\.bias is missing/,
    },
    renamed: {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const found = tensors.get(KEY_BIAS);
          if (found) tensors.set(KEY_BIAS.replace("bert.", "model."), found);
          tensors.delete(KEY_BIAS);
        }),
      fails: ["weights", "load"],
      says: /holds model\..*key\.bias, which is not planned there\nbert\.encoder\.layer\.0\.attention\.self\.key\.bias is missing/,
    },
    "in another shape of as many numbers": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const words = tensors.get("bert.embeddings.word_embeddings.weight");
          if (words) tensors.set("bert.embeddings.word_embeddings.weight", { ...words, shape: [4, 105] });
        }),
      fails: ["weights", "load"],
      says: /word_embeddings\.weight is F32 \[4,105\], expected F32 \[105,4\]/,
    },
  });

  testFileCrimes(small, {
    added: {
      damage: (folder) =>
        editTensors(folder, (tensors) =>
          tensors.set("bert.pooler.dense.bias", { dtype: "F32", shape: [4], bytes: Buffer.alloc(16) }),
        ),
      fails: ["weights"],
      says: /model\.safetensors holds bert\.pooler\.dense\.bias, which is not planned there/,
    },
  });
});

describe("a tensor of a BF16 model", () => {
  testCrimes(bfloat16, {
    "as F16": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const words = tensors.get(POSITIONS);
          if (words) tensors.set(POSITIONS, { ...words, dtype: "F16" });
        }),
      fails: ["weights", ...OUTPUTS],
      says: /position_embeddings\.weight is F16 \[96,4\], expected BF16 \[96,4\]/,
    },
  });

  testFileCrimes(bfloat16, {
    "as F32 with the same values": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const bias = tensors.get(KEY_BIAS);
          if (!bias) return;
          const bytes = encodeFloats(decodeFloats(bias.bytes, "BF16"), "F32");
          tensors.set(KEY_BIAS, { ...bias, dtype: "F32", bytes });
        }),
      fails: ["weights"],
      says: /key\.bias is F32 \[4\], expected BF16 \[4\]/,
    },
  });
});

describe("the weight file", () => {
  const file = (folder: string) => join(folder, "model.safetensors");
  testFileCrimes(small, {
    "without __metadata__": {
      damage: (folder) => {
        const bytes = readFileSync(file(folder));
        const length = Number(bytes.readBigUInt64LE(0));
        const header = bytes.subarray(8, 8 + length).toString("utf8");
        const other = header.replace(/"__metadata__":\{[^}]*\},?/, (found) => " ".repeat(found.length));
        writeFileSync(
          file(folder),
          Buffer.concat([bytes.subarray(0, 8), Buffer.from(other), bytes.subarray(8 + length)]),
        );
      },
      fails: ["weights"],
      says: /model\.safetensors: __metadata__ is .*, expected .*"format":"pt"/,
    },
    "truncated by one byte": {
      damage: (folder) => truncateSync(file(folder), readFileSync(file(folder)).length - 1),
      fails: ["weights", "model"],
      says: /model\.safetensors/,
    },
    "with a byte behind its end": {
      damage: (folder) =>
        writeFileSync(file(folder), Buffer.concat([readFileSync(file(folder)), Buffer.alloc(1)])),
      fails: ["weights", "model"],
      says: /model\.safetensors/,
    },
    empty: {
      damage: (folder) => truncateSync(file(folder), 0),
      fails: ["weights", "model"],
      says: /model\.safetensors/,
    },
    "that is a Git LFS pointer": {
      damage: (folder) =>
        writeFileSync(file(folder), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
      fails: ["weights", "model"],
      says: /Git LFS pointer/,
    },
  });
});

describe("a folder of two shards", () => {
  const [FIRST, SECOND] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  const INDEX = "model.safetensors.index.json";
  testCrimes(sharded, {
    "the index without one of them": {
      damage: (folder) =>
        edit(folder, INDEX, ({ weight_map }) => {
          for (const name of Object.keys(weight_map)) if (weight_map[name] === FIRST) delete weight_map[name];
        }),
      fails: ["files", "weights", "load"],
      says: /weight_map\..* is missing, expected "model-00001-of-00002\.safetensors"/,
    },
  });

  testFileCrimes(sharded, {
    "a second copy of a tensor in the other one, unknown to the index": {
      damage: (folder) => {
        const [name = "", tensor] = [...readSafetensors(join(folder, FIRST))].at(-1) ?? [];
        if (!tensor) return;
        const zeros = { ...tensor, bytes: Buffer.alloc(tensor.bytes.length) };
        editTensors(folder, (tensors) => tensors.set(name, zeros), SECOND);
      },
      fails: ["weights"],
      says: /model-00002-of-00002\.safetensors holds .*, which is not planned there/,
    },
    "a tensor moved to the other one, the index changed with it": {
      damage: (folder) => {
        let moved: ReturnType<typeof readSafetensors> extends Map<string, infer T> ? T | undefined : never;
        let name = "";
        editTensors(
          folder,
          (tensors) => {
            [name = "", moved] = [...tensors].at(-1) ?? [];
            tensors.delete(name);
          },
          FIRST,
        );
        editTensors(folder, (tensors) => moved && tensors.set(name, moved), SECOND);
        edit(folder, INDEX, ({ weight_map }) => {
          weight_map[name] = SECOND;
        });
      },
      fails: ["files", "weights"],
      says: /model\.safetensors\.index\.json: weight_map\..* is "model-00002-of-00002\.safetensors", expected "model-00001/,
    },
    "the two swapped": {
      damage: (folder) => {
        const [a, b] = [FIRST, SECOND].map((name) => readFileSync(join(folder, name)));
        if (!a || !b) return;
        writeFileSync(join(folder, FIRST), b);
        writeFileSync(join(folder, SECOND), a);
      },
      fails: ["weights", "model"],
      says: /places tensor .* in model-0000\d-of-00002\.safetensors, which does not hold it/,
    },
    "another total_size": {
      damage: (folder) =>
        edit(folder, INDEX, (index) => {
          index.metadata.total_size += 4;
        }),
      fails: ["files"],
      says: /metadata\.total_size is \d+, expected \d+/,
    },
  });
});
