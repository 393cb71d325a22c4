import { describe, expect, it } from "vitest";
import { PickleError } from "../../src/base/errors.js";
import { readStateDict } from "../../src/pickle/state-dict.js";
import { MAX_GATHERED_BYTES } from "../../src/pickle/stored-tensor.js";
import { call, dict, op, type Pushed, pickle, push, read, storage, tensor, zipOf } from "./assemble.js";

const fileOf = (value: Pushed) => zipOf(pickle(dict([["weight", value]])));
const only = async (value: Pushed) => (await read(fileOf(value))).tensors.get("weight");
const rebuild3 = (...args: Pushed[]) => call("torch._utils", "_rebuild_tensor_v3", args);

describe("tensors", () => {
  it("has no strides where they say what contiguous means", async () => {
    expect(await only(tensor({ shape: [1, 6], strides: [99, 1] }))).not.toHaveProperty("strides");
    expect(await only(tensor({ shape: [6, 1], strides: [1, 7] }))).not.toHaveProperty("strides");
    expect(await only(tensor({ shape: [0, 3], strides: [1, 1] }))).not.toHaveProperty("strides");
    expect(await only(tensor({ shape: [2, 2], strides: [3, 1] }))).toHaveProperty("strides", [3, 1]);
  });

  it("takes an empty tensor that begins beyond its storage, as PyTorch cuts them", async () => {
    const empty = tensor({ offset: 9, shape: [0], strides: [2] });
    const { tensors } = await read(
      zipOf(
        pickle(
          dict([
            ["weight", tensor()],
            ["empty", empty],
          ]),
        ),
      ),
    );
    expect(tensors.get("empty")).toMatchObject({ shape: [0], begin: tensors.get("weight")?.begin });
  });

  it("takes flags that are not set", async () => {
    expect(await only(tensor({ flags: dict([["conj", false]]) }))).toMatchObject({ dtype: "F32" });
  });

  it("counts a tensor with its own dtype in that dtype's elements", async () => {
    const untyped = storage({ type: op.global("torch.storage", "UntypedStorage"), elements: 24 });
    const half = rebuild3(untyped, 3, [2], [1], false, null, op.global("torch", "uint16"));
    const whole = await only(rebuild3(untyped, 0, [12], [1], false, null, op.global("torch", "uint16")));
    expect(await only(half)).toMatchObject({ dtype: "U16", begin: (whole?.begin ?? 0) + 6 });
    const beyond = rebuild3(untyped, 11, [2], [1], false, null, op.global("torch", "uint16"));
    await expect(only(beyond)).rejects.toThrow("reaches byte 26 of a storage of 24 bytes");
  });

  const huge = 2 ** 52;
  const F64 = (elements: number) => storage({ type: op.global("torch", "DoubleStorage"), elements });

  it.each([
    ["a storage that is none", { storage: "0" }, 'has the text "0" as its storage'],
    ["a shape that is a number", { shape: 6 }, "has 6 as its shape"],
    ["a shape with a text", { shape: ["2", 3] }, "has a sequence of 2 as its shape"],
    ["a negative size", { shape: [-2, 3] }, "as its shape, expected at most 64 sizes from 0"],
    ["half a size", { shape: [1.5, 3] }, "as its shape"],
    ["a size of 2^53", { shape: [2 ** 53, 0] }, "as its shape"],
    ["a size of 2^64", { shape: [2n ** 64n, 0] }, "as its shape"],
    ["a size that is True", { shape: [true, 6] }, "as its shape"],
    [
      "65 axes",
      { shape: Array(65).fill(1), strides: Array(65).fill(1) },
      "has a sequence of 65 as its shape",
    ],
    ["fewer strides than axes", { strides: [1] }, "has strides that do not fit its shape [2,3]"],
    ["more strides than axes", { strides: [3, 1, 1] }, "has strides that do not fit"],
    ["a negative stride", { strides: [-3, 1] }, "has strides that do not fit"],
    ["strides that are None", { strides: null }, "has strides that do not fit"],
    ["a negative offset", { offset: -1 }, "begins at -1 in its storage"],
    ["an offset of 2^64", { offset: 2n ** 64n }, "begins at 18446744073709551616"],
    ["an offset beyond the storage", { offset: 1 }, "reaches byte 28 of a storage of 24 bytes"],
    ["a shape beyond the storage", { shape: [3, 3] }, "reaches byte 36 of a storage of 24 bytes"],
    ["strides beyond the storage", { strides: [4, 1] }, "reaches byte 28 of a storage of 24 bytes"],
    ["an offset of 2^53 - 1", { offset: Number.MAX_SAFE_INTEGER }, "of a storage of 24 bytes"],
    ["a shape of 2^104 elements", { shape: [huge, huge] }, "that no file can hold"],
    ["a shape of 2^53 bytes", { shape: [2 ** 51], strides: [1] }, "that no file can hold"],
    ["strides that reach 2^53", { shape: [3, 1], strides: [huge, 1] }, "that no file can hold"],
    ["a set flag", { flags: dict([["neg", true]]) }, "is a conjugated or negated view"],
    ["flags that are no dict", { flags: 1 }, "is a conjugated or negated view"],
    [
      "one element, repeated",
      { shape: [2 ** 28, 2], strides: [0, 0] },
      `larger than the ${MAX_GATHERED_BYTES} bytes`,
    ],
  ])("refuses %s", async (_, parts, message) => {
    const refusal = only(tensor(parts));
    await expect(refusal).rejects.toThrow(PickleError);
    await expect(refusal).rejects.toThrow('model.bin: tensor "weight" ');
    await expect(refusal).rejects.toThrow(message);
  });

  it.each([
    ["a dtype that is None", rebuild3(storage(), 0, [2], [1], false, null, null), "has None as its dtype"],
    [
      "a dtype that is a storage class",
      rebuild3(storage(), 0, [2], [1], false, null, op.global("torch", "HalfStorage")),
      "has torch.HalfStorage as its dtype",
    ],
    [
      "a tensor of no arguments",
      call("torch._utils", "_rebuild_tensor_v2", []),
      "has nothing as its storage",
    ],
    [
      "a negative number of elements",
      tensor({ storage: storage({ elements: -1 }) }),
      'storage "0" has -1 as its size',
    ],
    [
      "2^53 elements",
      tensor({ storage: storage({ elements: 2 ** 53 }) }),
      'storage "0" has 9007199254740992 as its size',
    ],
    [
      "2^53 - 1 elements of 8 bytes",
      tensor({ storage: F64(Number.MAX_SAFE_INTEGER) }),
      "its pickle announces 9007199254740991 × F64",
    ],
    [
      "a storage class that is a dtype",
      tensor({ storage: storage({ type: op.global("torch", "float32") }) }),
      'storage "0" is of torch.float32',
    ],
    [
      "a storage class that is a text",
      tensor({ storage: storage({ type: "FloatStorage" }) }),
      "expected a storage class",
    ],
    ["a storage key that is a number", tensor({ storage: storage({ key: 0 }) }), "a storage with the key 0"],
    [
      "a storage of two dtypes",
      [tensor(), tensor({ storage: F64(6) })],
      "announced as 6 × F32 and as 6 × F64",
    ],
    [
      "a storage of two sizes",
      [tensor(), tensor({ storage: storage({ elements: 5 }) })],
      "announced as 6 × F32 and as 5 × F32",
    ],
  ])("refuses %s", async (_, value, message) => {
    await expect(only(value)).rejects.toThrow(message);
  });

  it.each([
    ["a text", "storage", 'the persistent id the text "storage", expected one of a storage'],
    ["a module", ["module", "BertModel", "file.py", "source"], "the persistent id a sequence of 4"],
    [
      "one of four parts",
      ["storage", op.global("torch", "FloatStorage"), "0", "cpu"],
      "the persistent id a sequence of 4",
    ],
    [
      "one of seven parts",
      ["storage", op.global("torch", "FloatStorage"), "0", "cpu", 6, null, null],
      "a sequence of 7",
    ],
    ["one of another kind", ["tensor", op.global("torch", "FloatStorage"), "0", "cpu", 6], "a sequence of 5"],
  ])("refuses a persistent id that is %s", async (_, id, message) => {
    const loaded = Buffer.concat([pickle(id).subarray(2, -1), op.persistentId]);
    await expect(only(tensor({ storage: loaded }))).rejects.toThrow(message);
  });
});

describe("what the file holds", () => {
  const nested = dict([["weight", tensor()]]);

  it.each([
    ["a tensor alone", tensor(), "model.bin: holds a tensor, expected a dict of tensors"],
    ["a list of tensors", [tensor(), tensor()], "holds a sequence of 2, expected a dict of tensors"],
    ["None", null, "holds None, expected"],
    ["an empty dict", op.emptyDict, "holds a dict of 0 without a tensor"],
    ["a dict of numbers", dict([["step", 1]]), "holds a dict of 1 without a tensor"],
    [
      "a checkpoint with weights beside it",
      dict([
        ["loss", tensor()],
        ["model", nested],
      ]),
      'holds several dicts of weights: 1 tensor at its top, 1 tensor under "model"',
    ],
    [
      "a checkpoint with two dicts of weights",
      dict([
        ["model", nested],
        ["ema", dict([["model", nested]])],
      ]),
      'holds several dicts of weights: 1 tensor under "model", 1 tensor under "ema" / "model"',
    ],
    ["a checkpoint by number", dict([[0, nested]]), "has the key 0, expected a tensor's name"],
    ["a key that is no text", dict([[1, tensor()]]), "has the key 1, expected a tensor's name"],
    [
      "a dict that holds itself",
      Buffer.concat([op.emptyDict, op.put(0), pickle("a").subarray(2, -1), op.get(0), op.setItem]),
      "holds a dict of 1 without a tensor",
    ],
  ])("refuses %s", async (_, value, message) => {
    const refusal = read(zipOf(pickle(value)));
    await expect(refusal).rejects.toThrow(PickleError);
    await expect(refusal).rejects.toThrow(message);
  });

  const scalar = call("numpy.core.multiarray", "scalar", [
    Buffer.concat([
      call("numpy", "dtype", ["f8", false, true]),
      push([3, "<", null, null, null, -1, -1, 0]),
      op.build,
    ]),
    call("_codecs", "encode", ["\u00b8\u001e\u0085\u00ebQ\u00b8\u00ed?", "latin1"]),
  ]);
  const optimizer = dict([["exp_avg", tensor()]]);

  it.each<[what: string, around: [string, Pushed][], keys: string[]]>([
    [
      "a training script's",
      [
        ["epoch", 3],
        ["best_f1", scalar],
        ["model_state_dict", nested],
      ],
      ["model_state_dict"],
    ],
    [
      "Lightning's",
      [
        ["state_dict", nested],
        ["optimizer_states", optimizer],
        ["hparams", dict([["lr", 1e-5]])],
      ],
      ["state_dict"],
    ],
    [
      "one with an optimizer by names",
      [
        ["optimizer", dict([["state", dict([["w", optimizer]])]])],
        ["model", nested],
      ],
      ["model"],
    ],
    [
      "one with a loss and weights of classes",
      [
        ["loss", tensor({ shape: [], strides: [] })],
        ["module", nested],
        ["settings", dict([["class_weights", tensor({ shape: [6], strides: [1] })]])],
      ],
      ["module"],
    ],
    ["a dict in a dict", [["checkpoint", dict([["net", nested]])]], ["checkpoint", "net"]],
  ])("reads the one dict of weights of a training checkpoint: %s", async (_, around, keys) => {
    const { tensors, ignored, keys: found } = await read(zipOf(pickle(dict(around))));
    expect([[...tensors.keys()], ignored, found]).toEqual([["weight"], [], keys]);
  });

  it("keeps __proto__ as a tensor's name and as an ignored one", async () => {
    const file = zipOf(
      pickle(
        dict([
          ["__proto__", tensor()],
          ["constructor", 1],
        ]),
      ),
    );
    const { tensors, ignored } = await read(file);
    expect([...tensors.keys()]).toEqual(["__proto__"]);
    expect(ignored).toEqual(["constructor"]);
  });

  it("looks once into a dict that is named many times", async () => {
    const numbers = dict(Array.from({ length: 60_000 }, (_, i) => [i, 0] as const));
    const names = Array.from({ length: 60_000 }, (_, i) => [String(i), op.get(0)] as const);
    const file = zipOf(pickle(numbers, op.put(0), dict([["weight", tensor()], ...names])));
    expect((await read(file)).ignored).toHaveLength(60_000);
  });
});

it("leaves the error of a file that is not there to the caller", async () => {
  await expect(readStateDict("fixtures/pickle/none.bin", "none.bin")).rejects.toMatchObject({
    code: "ENOENT",
  });
});

describe("a file that torch.save did not write", () => {
  it.each([
    ["GGUF\x03\0\0\0", "is a file of llama.cpp or ggml", "Convert the checkpoint that it was made from"],
    ["lmgg\0\0\0\0", "is a file of llama.cpp or ggml", "Convert the checkpoint that it was made from"],
    ["\x89HDF\r\n\x1a\n", "is an HDF5 file, of Keras", "Call it tf_model.h5"],
    ["\x1f\x8b\x08\0", "is compressed with gzip", "Unpack it"],
    ["\n<!DOCTYPE html><html>", "is a web page, not the file itself", "Download the file again"],
    ["\x08\x07\x12\x07pytorch", "its first bytes are 08071207", "Download the file again"],
    ["PAR1", "its first bytes are 50415231", "save the state dict again with torch.save"],
  ])("%j is named, without a command that would fail", async (content, message, remedy) => {
    const error = await read(Buffer.from(content, "latin1")).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PickleError);
    expect((error as PickleError).message).toContain(message);
    expect((error as PickleError).remedy).toContain(remedy);
    expect((error as PickleError).remedy).not.toContain("python -c");
  });
});
