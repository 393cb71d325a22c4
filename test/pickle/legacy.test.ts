import { describe, expect, it } from "vitest";
import { PickleError } from "../../src/base/errors.js";
import {
  call,
  dict,
  legacyOf,
  legacyStorage,
  MAGIC,
  op,
  pickle,
  push,
  read,
  storage,
  tensor,
} from "./assemble.js";

const GOOD = pickle(dict([["weight", tensor()]]));

it("reads a file made here", async () => {
  const { tensors } = await read(legacyOf(GOOD));
  expect(tensors.get("weight")).toMatchObject({ begin: legacyOf(GOOD).length - 24, shape: [2, 3] });
});

it("reads storages in the order of their list, not of their mention", async () => {
  const first = tensor({ storage: storage({ key: "9", elements: 6 }) });
  const second = tensor({ storage: storage({ key: "1", elements: 8 }) });
  const data = Buffer.concat([legacyStorage(8), legacyStorage(6)]);
  const file = legacyOf(
    pickle(
      dict([
        ["first", first],
        ["second", second],
      ]),
    ),
    { keys: ["1", "9"], data },
  );
  const { tensors } = await read(file);
  expect(tensors.get("first")?.begin).toBe(file.length - 24);
  expect(tensors.get("second")?.begin).toBe(file.length - data.length + 8);
});

it("reads a view of a storage, and a tensor as older versions described it", async () => {
  const view = storage({ elements: 10, view: ["view", 4, 6] });
  const old = call("torch._utils", "_rebuild_tensor", [view, 1, [5], [1]]);
  const file = legacyOf(pickle(dict([["weight", old]])), { data: legacyStorage(10) });
  const { tensors } = await read(file);
  expect(tensors.get("weight")).toMatchObject({ shape: [5], begin: file.length - 40 + (4 + 1) * 4 });
});

describe("refuses", () => {
  const twice = Buffer.concat([legacyStorage(6), legacyStorage(6)]);
  const viewOf = (view: readonly (string | number)[]) =>
    legacyOf(pickle(dict([["weight", tensor({ storage: storage({ view }) })]])));
  const tar = Buffer.alloc(600);
  tar.write("storages", 0);
  tar.write("ustar", 257);

  it.each([
    ["an empty file", Buffer.alloc(0), "model.bin: is empty"],
    ["text", Buffer.from("version https://git-lfs.github.com/spec/v1\n"), "its first bytes are 76657273"],
    ["a tar archive", tar, "is a tar archive, PyTorch's first format"],
    [
      "another magic number",
      legacyOf(GOOD, { magic: MAGIC + 1n }),
      "begins with 119547037146038801333357, expected PyTorch's magic",
    ],
    ["a state dict alone", GOOD, "the persistent id a sequence of 5 where there is none"],
    ["a dict alone", pickle(dict([["step", 1]])), "begins with a dict of 1, expected PyTorch's magic"],
    [
      "code in place of the magic number",
      legacyOf(GOOD, { magic: call("os", "system", ["id"]) }),
      "names os.system",
    ],
    [
      "a persistent id in place of the magic number",
      legacyOf(GOOD, { magic: Buffer.concat([push("a"), op.persistentId]) }),
      'the persistent id the text "a" where there is none',
    ],
    ["another version", legacyOf(GOOD, { version: 1002 }), "has the protocol version 1002, expected 1001"],
    ["big-endian weights", legacyOf(GOOD, { littleEndian: false }), "not written by a little-endian machine"],
    [
      "code in place of the version",
      legacyOf(GOOD, { version: call("posix", "system", ["id"]) }),
      "names posix.system",
    ],
    [
      "code in place of the keys",
      legacyOf(GOOD, { keys: call("builtins", "eval", ["id"]) }),
      "names builtins.eval",
    ],
    ["keys that are no list", legacyOf(GOOD, { keys: "0" }), 'has the text "0" as its list of storages'],
    ["a key that is no text", legacyOf(GOOD, { keys: [0] }), "lists 0, a storage of no tensor"],
    ["a key of no tensor", legacyOf(GOOD, { keys: ["1"] }), 'lists the text "1", a storage of no tensor'],
    ["a key listed twice", legacyOf(GOOD, { keys: ["0", "0"], data: twice }), 'lists storage "0" twice'],
    ["a storage that is not listed", legacyOf(GOOD, { keys: [] }), 'does not list storage "0"'],
    [
      "another number of elements",
      legacyOf(GOOD, { data: legacyStorage(6, 5n) }),
      'storage "0" has 5 elements, its pickle announces 6 × F32',
    ],
    [
      "2^64 - 1 elements",
      legacyOf(GOOD, { data: legacyStorage(6, 2n ** 64n - 1n) }),
      'storage "0" has 18446744073709551615 elements',
    ],
    ["a storage that is cut off", legacyOf(GOOD).subarray(0, -1), 'is cut off: storage "0" begins at byte'],
    ["a count that is cut off", legacyOf(GOOD).subarray(0, -25), "the file ends at byte"],
    [
      "a view beyond its storage",
      viewOf(["v", 1, 6]),
      'storage "0" has a view that does not lie within its 6 elements',
    ],
    ["a view of a negative number of elements", viewOf(["v", 0, -1]), "has a view that does not lie within"],
    ["a view that is no tuple", viewOf([]), "has a view that does not lie within"],
  ])("%s", async (_, bytes, message) => {
    const refusal = read(bytes);
    await expect(refusal).rejects.toThrow(PickleError);
    await expect(refusal).rejects.toThrow(message);
  });
});
