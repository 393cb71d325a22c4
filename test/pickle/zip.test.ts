import { readFileSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { PickleError } from "../../src/base/errors.js";
import { readStateDict } from "../../src/pickle/state-dict.js";
import { MAX_PICKLE_BYTES } from "../../src/pickle/unpickle.js";
import { dict, directoryEntry, pickle, read, storage, tensor, zip, zipOf } from "./assemble.js";

const GOOD = pickle(dict([["weight", tensor()]]));
const LITTLE = Buffer.from("little");
const DATA = Buffer.alloc(24);

it("reads an archive made here, with or without the byte order", async () => {
  const { tensors } = await read(zipOf(GOOD));
  expect([...tensors.keys()]).toEqual(["weight"]);
  expect((await read(zip({ "m/data.pkl": GOOD, "m/data/0": DATA }))).tensors.size).toBe(1);
});

it("takes a storage that is longer than announced", async () => {
  expect((await read(zipOf(GOOD, { "m/data/0": Buffer.alloc(25) }))).tensors.size).toBe(1);
});

describe("refuses", () => {
  const locatorOf64 = (begin: bigint) => {
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(begin, 8);
    const whole = zipOf(GOOD);
    return Buffer.concat([whole.subarray(0, -22), locator, whole.subarray(-22)]);
  };
  const edited = (edit: (directory: Buffer) => void) =>
    zip({ "m/data.pkl": GOOD, "m/data/0": DATA }, { editDirectory: edit });

  it.each([
    ["an archive that is cut off", zipOf(GOOD).subarray(0, -1), "does not end with its directory"],
    [
      "an archive with bytes behind it",
      Buffer.concat([zipOf(GOOD), Buffer.of(0)]),
      "does not end with its directory",
    ],
    ["a signature alone", Buffer.from("PK\x03\x04"), "does not end with its directory"],
    ["an archive without a pickle", zip({ "m/config.json": DATA }), "a zip archive without data.pkl"],
    ["a pickle that lies too deep", zip({ "a/b/data.pkl": GOOD }), "a zip archive without data.pkl"],
    ["two pickles", zipOf(GOOD, { "n/data.pkl": GOOD }), "holds 2 files data.pkl"],
    [
      "a name listed twice",
      zipOf(GOOD, { other: { name: "m/data/0", data: DATA } }),
      'lists "m/data/0" twice',
    ],
    ["a TorchScript program", zipOf(GOOD, { "m/constants.pkl": GOOD }), "holds a TorchScript program"],
    ["big-endian weights", zipOf(GOOD, { "m/byteorder": Buffer.from("big") }), 'has the byte order "big"'],
    [
      "a long byte order",
      zipOf(GOOD, { "m/byteorder": Buffer.alloc(17) }),
      "byteorder in the zip archive has 17 bytes",
    ],
    [
      "deflated weights",
      zipOf(GOOD, { "m/data/0": { data: DATA, method: 8 } }),
      '"m/data/0" in the zip archive is compressed',
    ],
    [
      "a deflated pickle",
      zipOf(GOOD, { "m/data.pkl": { data: GOOD, method: 8 } }),
      '"m/data.pkl" in the zip archive is compressed',
    ],
    [
      "encrypted weights",
      zipOf(GOOD, { "m/data/0": { data: DATA, flags: 1 } }),
      "is compressed or encrypted",
    ],
    ["a storage without an entry", zip({ "m/data.pkl": GOOD }), 'storage "0" has no entry data/0'],
    [
      "a storage that is too short",
      zipOf(GOOD, { "m/data/0": Buffer.alloc(23) }),
      'storage "0" has 23 bytes, its pickle announces 6 × F32',
    ],
    [
      "fewer entries than announced",
      zip({ "m/data.pkl": GOOD }, { count: 2 }),
      "announces 2 files and lists 1",
    ],
    ["an entry that is none", edited((bytes) => bytes.writeUInt8(0, 0)), "has an entry that is none"],
    ["an entry that has no end", edited((bytes) => bytes.writeUInt16LE(999, 32)), "ends inside an entry"],
    ["an entry of two sizes", edited((bytes) => bytes.writeUInt32LE(1, 24)), "is stored as"],
    [
      "an entry without its 64-bit size",
      edited((bytes) => bytes.writeUInt32LE(0xffffffff, 20)),
      "lacks its 64-bit sizes",
    ],
    [
      "an entry behind the directory",
      edited((bytes) => bytes.writeUInt32LE(0xfffffffe, 42)),
      '"m/data.pkl" in the zip archive begins beyond',
    ],
    [
      "an entry that is elsewhere",
      edited((bytes) => bytes.writeUInt32LE(1, 42)),
      '"m/data.pkl" in the zip archive is not where',
    ],
    [
      "an entry that reaches into the directory",
      edited((bytes) => {
        bytes.writeUInt32LE(4000, 20);
        bytes.writeUInt32LE(4000, 24);
      }),
      '"m/data.pkl" in the zip archive reaches beyond',
    ],
    [
      "a directory beyond the file",
      Buffer.concat([zipOf(GOOD).subarray(0, -6), Buffer.from("ffffff000000", "hex")]),
      "directory reaches beyond the file",
    ],
    ["a 64-bit end record at 2^63", locatorOf64(2n ** 63n), "end record is not in the file"],
    ["a 64-bit end record at 2^53 + 1", locatorOf64(2n ** 53n + 1n), "end record is not in the file"],
    ["a 64-bit end record that is none", locatorOf64(0n), "end record is not where it says"],
  ])("%s", async (_, bytes, message) => {
    const refusal = read(bytes);
    await expect(refusal).rejects.toThrow(PickleError);
    await expect(refusal).rejects.toThrow("model.bin: ");
    await expect(refusal).rejects.toThrow(message);
  });

  it("an entry whose own name goes on", async () => {
    const archive = zipOf(GOOD, { "m/data/1": DATA });
    const nameLength = archive.indexOf("m/data/0") - 4;
    archive.writeUInt16LE(9, nameLength);
    await expect(read(archive)).rejects.toThrow('"m/data/0" in the zip archive is not where');
  });

  it("a directory that is too long", async () => {
    const archive = Buffer.alloc(17 * 2 ** 20);
    archive.write("PK\x03\x04");
    archive.writeUInt32LE(0x06054b50, archive.length - 22);
    archive.writeUInt32LE(archive.length - 22, archive.length - 10);
    await expect(read(archive)).rejects.toThrow(`directory has ${archive.length - 22} bytes; at most`);
  });

  it("a pickle that is too long", async () => {
    const archive = zip({ "m/data.pkl": Buffer.alloc(MAX_PICKLE_BYTES + 1) });
    await expect(read(archive)).rejects.toThrow(
      `data.pkl in the zip archive has ${MAX_PICKLE_BYTES + 1} bytes`,
    );
  });

  it.each(["../data.pkl", "0/../1", "/etc/passwd", "a\\b", "", "."])("the storage key %j", async (key) => {
    const archive = zipOf(pickle(dict([["weight", tensor({ storage: storage({ key }) })]])));
    await expect(read(archive)).rejects.toThrow(`a storage with the key the text ${JSON.stringify(key)}`);
  });
});

it("reads weights beyond 4 GB, where the archive has 64-bit sizes", async () => {
  const GAP = 5 * 2 ** 30;
  const weights = zip({ "m/data/0": DATA }).subarray(0, 30 + 8 + 24);
  const small = zip({ "m/data.pkl": GOOD, "m/byteorder": LITTLE });
  const smallFiles = small.subarray(0, small.readUInt32LE(small.length - 6));
  const smallEntries = small.subarray(smallFiles.length, -22);

  // Sizes in 32 bits; where the entry begins stands in an extra field, behind one with another purpose.
  const entry = directoryEntry("m/data/0", 0xffffffff, 24);
  const extra = Buffer.concat([Buffer.from("FB\x03\x00ZZZ\x01\x00\x08\x00"), Buffer.alloc(8)]);
  extra.writeBigUInt64LE(BigInt(GAP), extra.length - 8);
  entry.writeUInt16LE(extra.length, 30);

  const directory = Buffer.concat([smallEntries, entry, extra]);
  const end64 = Buffer.alloc(56 + 20 + 22);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(3n, 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(GAP + weights.length), 48);
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(GAP + weights.length + directory.length), 64);
  end64.writeUInt32LE(0x06054b50, 76);
  end64.fill(0xff, 84, 96);

  const folder = await mkdtemp(join(tmpdir(), "pickle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "sparse.bin");
  const file = await open(path, "w");
  await file.write(smallFiles, 0, smallFiles.length, 0);
  const tail = Buffer.concat([weights, directory, end64]);
  await file.write(tail, 0, tail.length, GAP);
  await file.close();

  const { tensors } = await readStateDict(path, "model.bin");
  expect(tensors.get("weight")).toMatchObject({ dtype: "F32", shape: [2, 3], begin: GAP + 30 + 8 });
});

describe("a damaged file", () => {
  const survives = async (bytes: Buffer) => {
    try {
      await read(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(PickleError);
    }
  };

  it.each(["zip.bin", "protocol-5.bin", "legacy.bin"])("%s cut off anywhere is refused", async (name) => {
    const whole = readFileSync(`fixtures/pickle/${name}`);
    for (let length = 0; length < whole.length; length += 1 + (length % 97)) {
      await expect(read(whole.subarray(0, length)), `${length} bytes`).rejects.toThrow(PickleError);
    }
  });

  it.each(["zip.bin", "protocol-5.bin", "legacy.bin"])(
    "%s with changed bytes is read or refused",
    async (name) => {
      const whole = readFileSync(`fixtures/pickle/${name}`);
      const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
        minLength: 1,
        maxLength: 4,
      });
      await fc.assert(
        fc.asyncProperty(changes, async (edits) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of edits) bytes[at] = value;
          await survives(bytes);
        }),
        { numRuns: 150 },
      );
    },
  );

  it("of any bytes is refused", async () => {
    const start = fc.constantFrom("", "PK\x03\x04", "\x80\x02").map((text) => Buffer.from(text, "latin1"));
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 300 }), async (head, rest) => {
        await expect(read(Buffer.concat([head, rest]))).rejects.toThrow(PickleError);
      }),
      { numRuns: 150 },
    );
  });
});
