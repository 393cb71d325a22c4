import { join } from "node:path";
import { describe } from "vitest";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { readSafetensors } from "../support/safetensors.js";
import { editTensor, editTensors } from "./damage.js";
import { convertedSmallBert, testCrimes, testFileCrimes } from "./support.js";

keepTokenizers();

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
    "a row less than config.json says": {
      damage: (folder) =>
        editTensors(folder, (tensors) => {
          const table = tensors.get(POSITIONS);
          if (table) tensors.set(POSITIONS, { ...table, shape: [95, 4], bytes: table.bytes.subarray(16) });
        }),
      fails: ["weights", "length", "load"],
      says: /position_embeddings\.weight is F32 \[95,4\], expected F32 \[96,4\]/,
    },
  });

  testFileCrimes(small, {
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
    "mirrored at its end instead of repeated": {
      damage: (folder) =>
        editTensor(folder, POSITIONS, (bytes, size) => {
          for (let i = 0; i < 32; i++) bytes.copy(bytes, (32 + i) * size, (31 - i) * size, (32 - i) * size);
        }),
      fails: ["weights"],
      says: /position_embeddings\.weight: 32 of 96 rows \(32, /,
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
  });

  testFileCrimes(small, {
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
    "a number of its bias zeroed": {
      damage: (folder) => {
        editTensor(folder, "cls.predictions.bias", (bytes) => bytes.writeFloatLE(0, 8));
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
      fails: ["weights", "lossless", "lossless-head", "sweep", "reach", "predictions"],
      says: /embeddings\.LayerNorm\.bias: 1 of 4 values \(0\) are not as planned; largest difference (infinite|∞|Infinity)/,
    },
  });

  testFileCrimes(small, {
    "one number of its query changed in the last bit": {
      damage: (folder) => editTensor(folder, QUERY, (bytes) => bytes.writeUInt8((bytes[20] ?? 0) ^ 1, 20)),
      fails: ["weights"],
      says: /layer\.0\.attention\.self\.query\.weight: 1 of 4 rows \(1\) .* largest difference \d(\.\d)?e-[78]/,
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
