import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { FIXTURES } from "../support/fixtures.js";
import { readSafetensors } from "../support/safetensors.js";
import { converted, convertedSmallBert, edit, editTensor, editTensors, testCrimes } from "./support.js";

const POSITIONS = "bert.embeddings.position_embeddings.weight";
const GLOBALS = "bert.embeddings.global_embeddings.weight";
const QUERY = "bert.encoder.layer.0.attention.self.query.weight";
const KEY_BIAS = "bert.encoder.layer.0.attention.self.key.bias";
const TYPES = "bert.embeddings.token_type_embeddings.weight";
const OUTPUTS = ["lossless", "lossless-head", "predictions"];

const small = convertedSmallBert();

/** Adds `scale` times token type 0 to some rows of the table of global tokens. */
function addTokenType(folder: string, rows: readonly number[], scale: number): void {
  const types = readSafetensors(join(folder, "model.safetensors")).get(TYPES)?.bytes;
  const type0 = decodeFloats(types?.subarray(0, 16) ?? Buffer.alloc(16), "F32");
  editTensor(folder, GLOBALS, (bytes, size) => {
    for (const row of rows) {
      const old = decodeFloats(bytes.subarray(row * size, (row + 1) * size), "F32");
      encodeFloats(
        old.map((value, i) => value + scale * (type0[i] ?? 0)),
        "F32",
      ).copy(bytes, row * size);
    }
  });
}

function swapRows(bytes: Buffer, size: number, a: number, b: number): void {
  const kept = Buffer.from(bytes.subarray(a * size, (a + 1) * size));
  bytes.copy(bytes, a * size, b * size, (b + 1) * size);
  kept.copy(bytes, b * size);
}

describe("the position table", () => {
  testCrimes(small, {
    "two rows swapped": {
      damage: (folder) => editTensor(folder, POSITIONS, (bytes, size) => swapRows(bytes, size, 3, 4)),
      fails: ["weights", ...OUTPUTS],
      says: /position_embeddings\.weight: 2 of 96 rows \(3, 4\) are not as planned; largest difference \d/,
    },
    "two rows swapped beyond what the original could read": {
      damage: (folder) => editTensor(folder, POSITIONS, (bytes, size) => swapRows(bytes, size, 40, 70)),
      fails: ["weights"],
      says: /position_embeddings\.weight: 2 of 96 rows \(40, 70\)/,
    },
    "the last row off by a little": {
      damage: (folder) =>
        editTensor(folder, POSITIONS, (bytes) =>
          bytes.writeFloatLE(bytes.readFloatLE(bytes.length - 4) + 0.5, bytes.length - 4),
        ),
      fails: ["weights"],
      says: /position_embeddings\.weight: 1 of 96 rows \(95\) are not as planned; largest difference 0\.5/,
    },
    "repeated from the second row on": {
      damage: (folder) =>
        editTensor(folder, POSITIONS, (bytes, size) => bytes.copy(bytes, 32 * size, 1 * size, 65 * size)),
      fails: ["weights"],
      says: /position_embeddings\.weight: 64 of 96 rows \(32, 33, 34, 35, 36, …\)/,
    },
    "shifted by one as a whole": {
      damage: (folder) =>
        editTensor(folder, POSITIONS, (bytes, size) => {
          const first = Buffer.from(bytes.subarray(0, size));
          bytes.copy(bytes, 0, size);
          first.copy(bytes, 95 * size);
        }),
      fails: ["weights", ...OUTPUTS],
      says: /position_embeddings\.weight: 96 of 96 rows/,
    },
    "mirrored at its end instead of repeated": {
      damage: (folder) =>
        editTensor(folder, POSITIONS, (bytes, size) => {
          for (let i = 0; i < 32; i++) bytes.copy(bytes, (32 + i) * size, (31 - i) * size, (32 - i) * size);
        }),
      fails: ["weights"],
      says: /position_embeddings\.weight: 32 of 96 rows \(32, /,
    },
    "a row less than config.json says": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const table = tensors.get(POSITIONS);
          if (table) tensors.set(POSITIONS, { ...table, shape: [95, 4], bytes: table.bytes.subarray(16) });
        }),
      fails: ["weights", "model"],
      says: /position_embeddings\.weight is F32 \[95,4\], expected F32 \[96,4\]/,
    },
  });
});

describe("the table of global tokens", () => {
  testCrimes(small, {
    "row 0 without token_type[0]": {
      damage: (folder) => addTokenType(folder, [0], -1),
      fails: ["weights"],
      says: /global_embeddings\.weight: 1 of 512 rows \(0\) are not as planned/,
    },
    "every other row with token_type[0] twice": {
      damage: (folder) =>
        addTokenType(
          folder,
          Array.from({ length: 511 }, (_, i) => i + 1),
          1,
        ),
      fails: ["weights"],
      says: /global_embeddings\.weight: 511 of 512 rows \(1, 2, 3, 4, 5, …\)/,
    },
    "row 0 made for the mask token, row 1 for the first": {
      damage: (folder) => editTensor(folder, GLOBALS, (bytes, size) => swapRows(bytes, size, 0, 1)),
      fails: ["weights"],
      says: /global_embeddings\.weight: 2 of 512 rows \(0, 1\)/,
    },
    "in the order of the positions instead of the stride's": {
      damage: (folder) =>
        editTensor(folder, GLOBALS, (bytes, size) => {
          // Of stride order 64, row 8 i + j holds position 64 j + i of 512.
          const old = Buffer.from(bytes);
          for (let row = 1; row < 511; row++)
            old.copy(bytes, ((row * 8) % 511) * size, row * size, (row + 1) * size);
        }),
      fails: ["weights"],
      says: /global_embeddings\.weight: \d{3} of 512 rows/,
    },
    "left out": {
      damage: (folder) => editTensors(folder, (tensors) => tensors.delete(GLOBALS)),
      fails: ["weights"],
      says: /global_embeddings\.weight is missing/,
    },
  });
});

describe("a layer or a head", () => {
  testCrimes(small, {
    "its key bias zeroed": {
      damage: (folder) => editTensor(folder, KEY_BIAS, (bytes) => bytes.fill(0)),
      fails: ["weights"],
      says: /layer\.0\.attention\.self\.key\.bias: 4 of 4 values \(0, 1, 2, 3\) are not as planned; largest difference \d/,
    },
    "one number of its query changed in the last bit": {
      damage: (folder) => editTensor(folder, QUERY, (bytes) => bytes.writeUInt8((bytes[20] ?? 0) ^ 1, 20)),
      fails: ["weights"],
      says: /layer\.0\.attention\.self\.query\.weight: 1 of 4 rows \(1\) .* largest difference \d(\.\d)?e-[78]/,
    },
    "a zero with the other sign": {
      damage: (folder) => {
        editTensor(folder, "cls.predictions.bias", (bytes) => bytes.writeFloatLE(-0, 8));
      },
      fails: ["weights", "lossless-head", "predictions"],
      says: /cls\.predictions\.bias: 1 of 105 values \(2\)/,
    },
    "query and key swapped": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const [query, key] = [QUERY, QUERY.replace("query", "key")].map((name) => tensors.get(name));
          if (query && key) tensors.set(QUERY, key).set(QUERY.replace("query", "key"), query);
        }),
      fails: ["weights", ...OUTPUTS],
      says: /query\.weight: 4 of 4 rows/,
    },
    "a square matrix transposed": {
      damage: (folder) =>
        editTensor(folder, "bert.encoder.layer.0.attention.output.dense.weight", (bytes) => {
          const old = Buffer.from(bytes);
          for (let i = 0; i < 16; i++)
            old.copy(
              bytes,
              4 * i,
              4 * (4 * (i % 4) + Math.floor(i / 4)),
              4 * (4 * (i % 4) + Math.floor(i / 4)) + 4,
            );
        }),
      fails: ["weights", ...OUTPUTS],
      says: /attention\.output\.dense\.weight: 4 of 4 rows/,
    },
    "a number of the head changed": {
      damage: (folder) =>
        editTensor(folder, "cls.predictions.transform.dense.weight", (bytes) => bytes.writeFloatLE(2, 0)),
      fails: ["weights", "lossless-head", "predictions"],
      says: /cls\.predictions\.transform\.dense\.weight: 1 of 4 rows \(0\)/,
    },
    "a NaN": {
      damage: (folder) =>
        editTensor(folder, "bert.embeddings.LayerNorm.bias", (bytes) => bytes.writeFloatLE(Number.NaN, 0)),
      fails: ["weights", ...OUTPUTS, "sweep"],
      says: /embeddings\.LayerNorm\.bias: 1 of 4 values \(0\) are not as planned; largest difference (infinite|∞|Infinity)/,
    },
    "an infinity in a row that no input reads": {
      damage: (folder) =>
        editTensor(folder, GLOBALS, (bytes) =>
          bytes.writeFloatLE(Number.POSITIVE_INFINITY, bytes.length - 4),
        ),
      fails: ["weights"],
      says: /global_embeddings\.weight: 1 of 512 rows \(511\)/,
    },
  });
});

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
    added: {
      damage: (folder) =>
        editTensors(folder, (tensors) =>
          tensors.set("bert.pooler.dense.bias", { dtype: "F32", shape: [4], bytes: Buffer.alloc(16) }),
        ),
      fails: ["weights"],
      says: /bert\.pooler\.dense\.bias is not planned/,
    },
    renamed: {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const found = tensors.get(KEY_BIAS);
          if (found) tensors.set(KEY_BIAS.replace("bert.", "model."), found);
          tensors.delete(KEY_BIAS);
        }),
      fails: ["weights", "load"],
      says: /bert\.encoder\.layer\.0\.attention\.self\.key\.bias is missing\nmodel\..*key\.bias is not planned/,
    },
    "in another shape of as many numbers": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const words = tensors.get("bert.embeddings.word_embeddings.weight");
          if (words) tensors.set("bert.embeddings.word_embeddings.weight", { ...words, shape: [4, 105] });
        }),
      fails: ["weights", "model"],
      says: /word_embeddings\.weight is F32 \[4,105\], expected F32 \[105,4\]/,
    },
    "in another dtype of the same size": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const bias = tensors.get(KEY_BIAS);
          if (bias) tensors.set(KEY_BIAS, { ...bias, dtype: "I32" });
        }),
      fails: ["weights", "load"],
      says: /key\.bias is I32 \[4\], expected F32 \[4\]/,
    },
  });
});

describe("a tensor of a BF16 model", () => {
  testCrimes(convertedSmallBert({ dtype: "BF16", config: { torch_dtype: "bfloat16" } }), {
    "as F32 with the same values": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const bias = tensors.get(KEY_BIAS);
          if (!bias) return;
          const bytes = encodeFloats(decodeFloats(bias.bytes, "BF16"), "F32");
          tensors.set(KEY_BIAS, { ...bias, dtype: "F32", bytes });
        }),
      fails: ["weights", "load"],
      says: /key\.bias is F32 \[4\], expected BF16 \[4\]/,
    },
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
});

describe("the weight file", () => {
  const file = (folder: string) => join(folder, "model.safetensors");
  testCrimes(small, {
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
  const LENGTHS = { maxSequenceLength: 528, blockSize: 16 };
  testCrimes(converted(join(FIXTURES, "bert", "checkpoint"), LENGTHS), {
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
      fails: ["files"],
      says: /model\.safetensors\.index\.json: weight_map\..* is "model-00002-of-00002\.safetensors", expected "model-00001/,
    },
    "the index without one of them": {
      damage: (folder) =>
        edit(folder, INDEX, ({ weight_map }) => {
          for (const name of Object.keys(weight_map)) if (weight_map[name] === FIRST) delete weight_map[name];
        }),
      fails: ["files", "weights", "model"],
      says: /weight_map\..* is missing, expected "model-00001-of-00002\.safetensors"/,
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
