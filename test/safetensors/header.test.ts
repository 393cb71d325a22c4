import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DTYPES, type Dtype } from "../../src/safetensors/dtype.js";
import {
  LENGTH_BYTES,
  MAX_HEADER_BYTES,
  parseHeader,
  parseHeaderLength,
  serializeHeader,
  type TensorInfo,
  tensorBytes,
} from "../../src/safetensors/header.js";

/** npm's `safetensors`: an independent reader, for files without metadata. It has no types and no ES exports. */
const { SafeTensor } = createRequire(import.meta.url)("safetensors") as {
  SafeTensor: new (
    file: Uint8Array,
  ) => {
    metadata: Map<string, { dtype: string; shape: number[] }>;
    getTensor(name: string): Uint8Array;
  };
};

/** A file with this header and so many bytes of data. */
function file(header: string, dataBytes: number): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(dataBytes)]);
}

function parse(bytes: Buffer) {
  const length = parseHeaderLength(bytes.subarray(0, LENGTH_BYTES), bytes.length, "x.safetensors");
  return parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.length, "x.safetensors");
}

const F32 = (shape: string, offsets: string) => `{"dtype":"F32","shape":${shape},"data_offsets":${offsets}}`;

describe("a damaged file is refused", () => {
  test.each<[crime: string, header: string, dataBytes: number, message: RegExp]>([
    ["overlapping tensors", `{"a":${F32("[2]", "[0,8]")},"b":${F32("[2]", "[4,12]")}}`, 12, /"b" overlaps/],
    [
      "a hole between tensors",
      `{"a":${F32("[1]", "[0,4]")},"b":${F32("[1]", "[8,12]")}}`,
      12,
      /"b" leaves a hole/,
    ],
    ["a hole at the beginning", `{"a":${F32("[1]", "[4,8]")}}`, 8, /"a" leaves a hole/],
    ["truncated data", `{"a":${F32("[2]", "[0,8]")}}`, 7, /is truncated/],
    ["bytes behind the last tensor", `{"a":${F32("[2]", "[0,8]")}}`, 9, /bytes behind its last tensor/],
    [
      "a size that is not shape × dtype",
      `{"a":${F32("[3]", "[0,8]")}}`,
      8,
      /takes 12 bytes, data_offsets span 8/,
    ],
    [
      "shape × dtype beyond 2^53",
      `{"a":${F32("[4294967296,4294967296]", "[0,8]")}}`,
      8,
      /not a number of bytes/,
    ],
    [
      "shape × dtype that would wrap to the right size",
      `{"a":${F32("[4611686018427387904,4]", "[0,0]")}}`,
      0,
      /shape/,
    ],
    ["an unknown dtype", `{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4, /unknown dtype "F31"/],
    [
      "a dtype that every object has",
      `{"a":{"dtype":"__proto__","shape":[1],"data_offsets":[0,4]}}`,
      4,
      /unknown dtype/,
    ],
    ["a negative size", `{"a":${F32("[-1]", "[0,4]")}}`, 4, /non-negative/],
    ["a fractional size", `{"a":${F32("[1.5]", "[0,6]")}}`, 6, /non-negative/],
    ["offsets that run backwards", `{"a":${F32("[1]", "[4,0]")}}`, 4, /begin ≤ end/],
    ["three offsets", `{"a":${F32("[1]", "[0,4,4]")}}`, 4, /begin ≤ end/],
    ["half a byte", `{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1, /not a number of bytes/],
    ["a record that is a list", `{"a":[1]}`, 0, /no dtype, shape and data_offsets/],
    ["metadata that is no table of strings", `{"__metadata__":{"a":1}}`, 0, /not a table of strings/],
    ["a header that is not JSON", `{"a"`, 0, /not a JSON object/],
    ["a header that is a list", `[]`, 0, /not a JSON object/],
    ["a name that stands there twice", `{"a":${F32("[1]", "[0,4]")},"a":${F32("[1]", "[0,4]")}}`, 4, /twice/],
  ])("%s", (_, header, dataBytes, message) => {
    expect(() => parse(file(header, dataBytes))).toThrow(message);
  });

  test("a header longer than the format allows", () => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(MAX_HEADER_BYTES) + 1n);
    expect(() => parseHeaderLength(bytes, 1e12, "x")).toThrow(/at most 100000000/);
  });

  test("a header longer than the file", () => {
    expect(() => parse(file("{}", 0).subarray(0, 9))).toThrow(/ends inside its header/);
  });

  test("fewer than eight bytes", () => {
    expect(() => parseHeaderLength(Buffer.alloc(7), 7, "x")).toThrow(/7 bytes, too few/);
  });
});

test("names are only names: __proto__, numbers and empty strings survive in order", () => {
  const info = (begin: number): TensorInfo => ({ dtype: "U8", shape: [1], data_offsets: [begin, begin + 1] });
  const tensors = new Map(["__proto__", "2", "1", "", 'quo"te'].map((name, i) => [name, info(i)]));
  const header = serializeHeader(tensors, new Map([["format", "pt"]]));
  const parsed = parse(Buffer.concat([header, Buffer.alloc(5)]));
  expect([...parsed.tensors]).toEqual([...tensors]);
  expect(parsed.metadata?.get("format")).toBe("pt");
});

test("a header that was parsed and written is the same header", () => {
  const names = fc.uniqueArray(
    fc.string().filter((name) => name !== "__metadata__"),
    { maxLength: 8 },
  );
  const dtypes = fc.constantFrom(...(Object.keys(DTYPES) as Dtype[]));
  const shapes = fc.array(fc.nat({ max: 5 }), { maxLength: 4 });
  const property = fc.property(names, fc.infiniteStream(fc.tuple(dtypes, shapes)), (keys, kinds) => {
    let end = 0;
    const tensors = new Map<string, TensorInfo>();
    for (const name of keys) {
      const [dtype, shape] = kinds.next().value;
      const bytes = tensorBytes(dtype, shape);
      if (bytes === undefined) continue;
      tensors.set(name, { dtype, shape, data_offsets: [end, end + bytes] });
      end += bytes;
    }
    const header = serializeHeader(tensors, undefined);
    expect(header.length % 8).toBe(0);
    const parsed = parse(Buffer.concat([header, Buffer.alloc(end)]));
    expect(new Map([...parsed.tensors].sort())).toEqual(new Map([...tensors].sort()));
  });
  fc.assert(property);
});

test("random bytes raise a named error and nothing else", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      parse(file(Buffer.from(bytes).toString("latin1"), 0));
    } catch (error) {
      expect((error as Error).name).toBe("SafetensorsError");
    }
  });
  fc.assert(property, { numRuns: 500 });
});

test("a foreign reader reads what we write", () => {
  const values = Float32Array.from([1.5, -2, 3]);
  const info: TensorInfo = { dtype: "F32", shape: [3], data_offsets: [0, 12] };
  const bytes = Buffer.concat([
    serializeHeader(new Map([["w", info]]), undefined),
    Buffer.from(values.buffer),
  ]);
  // It reads from the begin of the underlying buffer.
  const foreign = new SafeTensor(Uint8Array.from(bytes));
  expect(foreign.metadata.get("w")).toMatchObject({ dtype: "F32", shape: [3] });
  expect([...new Float32Array(Uint8Array.from(foreign.getTensor("w")).buffer)]).toEqual([1.5, -2, 3]);
});

describe("a header that is there to take time", () => {
  const ones = (count: number) => `[${new Array(count).fill(1).join(",")}]`;
  const many = (count: number) =>
    `{${Array.from({ length: count }, (_, i) => `"${i}":${F32("[0]", "[0,0]")}`).join(",")}}`;

  test.each([
    [
      "40,000 axes",
      `{"a":${F32(ones(40_000), "[0,4]")}}`,
      /tensor "a" has the shape of 40000 sizes, expected at most 64/,
    ],
    ["65 axes", `{"a":${F32(ones(65), "[0,4]")}}`, /expected at most 64 non-negative integers/],
    [
      "sizes whose product no number holds",
      `{"a":${F32("[9007199254740991,9007199254740991]", "[0,4]")}}`,
      /not a number of bytes/,
    ],
    [
      "a name of a megabyte",
      `{"${"a".repeat(1e6)}":${F32("[1]", "[0,4]")}}`,
      /has a name of 1000000 characters/,
    ],
    ["a million tensors", many(1e6), /more than 100001 keys/],
    ["lists in lists", `{"a":${"[".repeat(1e6)}`, /at most 128 levels/],
    ["a text without an end", `{"a":"${"a".repeat(1e6)}`, /the rest of a string/],
  ])("%s", (_, header, message) => {
    expect(() => parse(file(header, 4))).toThrow(message);
  });

  test("64 axes and a size of 0 beside the largest are read", () => {
    expect(parse(file(`{"a":${F32(ones(64), "[0,4]")}}`, 4)).tensors.get("a")?.shape).toHaveLength(64);
    const none = `{"a":${F32("[9007199254740991,9007199254740991,0]", "[0,0]")}}`;
    expect(tensorBytes("F32", parse(file(none, 0)).tensors.get("a")?.shape ?? [])).toBe(0);
  });
});
