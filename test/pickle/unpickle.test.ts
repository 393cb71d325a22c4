import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PickleError } from "../../src/base/errors.js";
import { TORCH_GLOBALS } from "../../src/pickle/torch-globals.js";
import { MAX_PICKLE_BYTES, MAX_PICKLE_OBJECTS, unpickle } from "../../src/pickle/unpickle.js";
import { call, dict, op, pickle, push } from "./assemble.js";

const load = (bytes: Buffer) =>
  unpickle(bytes, 0, { globals: TORCH_GLOBALS, persistentLoad: (id) => ["loaded", id] });
const readValue = (bytes: Buffer) => load(bytes).value;
const bytes = (...parts: (Buffer | string)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));

describe("data", () => {
  it.each([
    ["None", "N", null],
    ["True", "\x88", true],
    ["False", "\x89", false],
    ["BININT", "J\xfe\xff\xff\xff", -2],
    ["BININT1", "K\xff", 255],
    ["BININT2", "M\xe9\x03", 1001],
    ["LONG1 of no bytes", "\x8a\x00", 0],
    ["LONG1, negative", "\x8a\x02\x00\xff", -256],
    ["LONG1, the largest exact number", "\x8a\x07\xff\xff\xff\xff\xff\xff\x1f", Number.MAX_SAFE_INTEGER],
    ["LONG1 beyond it", "\x8a\x07\x00\x00\x00\x00\x00\x00\x20", 2n ** 53n],
    ["BINFLOAT", "G\xbf\xe0\x00\x00\x00\x00\x00\x00", -0.5],
    ["SHORT_BINSTRING", "U\x02ab", "ab"],
    ["BINSTRING", "T\x02\x00\x00\x00ab", "ab"],
    ["BINUNICODE", "X\x02\x00\x00\x00\xc3\xa9", "é"],
    ["BINUNICODE with a byte order mark", "X\x03\x00\x00\x00\xef\xbb\xbf", "\ufeff"],
    ["SHORT_BINUNICODE", "\x8c\x02\xc3\xa9", "é"],
    ["BINUNICODE8", "\x8d\x02\x00\x00\x00\x00\x00\x00\x00ab", "ab"],
    ["EMPTY_TUPLE", ")", []],
    ["TUPLE above a mark", "N(K\x01K\x02t\x86", [null, [1, 2]]],
    ["TUPLE1", "K\x01\x85", [1]],
    ["TUPLE2", "K\x01K\x02\x86", [1, 2]],
    ["TUPLE3", "K\x01K\x02K\x03\x87", [1, 2, 3]],
    ["APPEND and APPENDS", "]K\x01a(K\x02K\x03e", [1, 2, 3]],
    [
      "SETITEM and SETITEMS",
      "}K\x01Ns(K\x02NK\x01\x88u",
      new Map([
        [1, true],
        [2, null],
      ] as const),
    ],
    ["BINPUT and BINGET", "K\x07q\x05h\x05\x86", [7, 7]],
    ["LONG_BINPUT and LONG_BINGET", "K\x07r\xff\xff\xff\xffj\xff\xff\xff\xff\x86", [7, 7]],
    ["MEMOIZE", "K\x07\x94K\x08\x94h\x00h\x01\x86\x87", [7, 8, [7, 8]]],
    ["FRAME", "\x95\x01\x00\x00\x00\x00\x00\x00\x00N", null],
    ["BINPERSID", "K\x07Q", ["loaded", 7]],
  ])("reads %s", (_, instructions, expected) => {
    expect(readValue(bytes("\x80\x04", instructions, "."))).toEqual(expected);
  });

  it("reads an OrderedDict and drops its attributes", () => {
    const made = bytes(call("collections", "OrderedDict", []), push("a"), push(1), op.setItem);
    expect(readValue(pickle(made, dict([["_metadata", 2]]), op.build))).toEqual(new Map([["a", 1]]));
  });

  it("reads an OrderedDict as Python 2 wrote it, from a list of pairs", () => {
    const pairs = bytes(op.emptyList, push(["a", 1]), op.append);
    expect(readValue(pickle(call("collections", "OrderedDict", [pairs])))).toEqual(new Map([["a", 1]]));
  });

  it("reads a torch.Size", () => {
    expect(readValue(pickle(call("torch", "Size", [[2, 3]])))).toEqual([2, 3]);
  });

  it("begins where it is told and says where the pickle ends", () => {
    const both = bytes(pickle(1), pickle("two"));
    const rules = { globals: TORCH_GLOBALS, persistentLoad: () => null };
    const first = unpickle(both, 0, rules);
    expect(first).toEqual({ value: 1, end: pickle(1).length });
    expect(unpickle(both, first.end, rules)).toEqual({ value: "two", end: both.length });
  });

  it("keeps __proto__ as a key", () => {
    expect(readValue(pickle(dict([["__proto__", 1]])))).toEqual(new Map([["__proto__", 1]]));
  });
});

describe("names", () => {
  const FORBIDDEN = [
    ["os", "system"],
    ["posix", "system"],
    ["nt", "system"],
    ["builtins", "eval"],
    ["builtins", "exec"],
    ["builtins", "getattr"],
    ["__builtin__", "set"],
    ["subprocess", "Popen"],
    ["runpy", "_run_code"],
    ["torch", "load"],
    ["torch._utils", "_rebuild_sparse_tensor"],
    ["torch", "QInt8Storage"],
    ["numpy.core.multiarray", "_reconstruct"],
    ["collections", "OrderedDict.update"],
    ["", "toString"],
  ] as const;

  it.each(FORBIDDEN)("refuses GLOBAL %s.%s and says that nothing was run", (module, name) => {
    const expected = `asks to run code: its pickle names ${module}.${name}, which a state dict has no need of; nothing was run`;
    expect(() => load(pickle(call(module, name, ["echo"])))).toThrow(expected);
  });

  it.each(FORBIDDEN)("refuses STACK_GLOBAL %s.%s", (module, name) => {
    expect(() => load(pickle(module, name, op.stackGlobal))).toThrow(`names ${module}.${name},`);
  });

  it.each(FORBIDDEN)("refuses INST %s.%s", (module, name) => {
    expect(() => load(pickle(op.mark, bytes(`i${module}\n${name}\n`)))).toThrow(`names ${module}.${name},`);
  });

  it("refuses a name in a pickle without a protocol", () => {
    expect(() => load(bytes("cos\nsystem\n(S'ls'\ntR."))).toThrow("names os.system,");
  });

  it("escapes and cuts a name before it is shown", () => {
    expect(() => load(pickle(op.global("os", `\x1b[31m${"x".repeat(5000)}`)))).toThrow(
      /names os\.\\u001b\[31mx{1,120}…, which/,
    );
  });

  it("refuses a name that is not text", () => {
    expect(() => load(pickle("os", 1, op.stackGlobal))).toThrow('names 1 in the text "os"');
  });

  it.each([
    ["NEWOBJ", 0x81],
    ["NEWOBJ_EX", 0x92],
    ["OBJ", 0x6f],
    ["EXT1", 0x82],
    ["EXT4", 0x84],
    ["PERSID", 0x50],
    ["BYTEARRAY8", 0x96],
    ["NEXT_BUFFER", 0x97],
  ])("refuses the instruction %s", (_, opcode) => {
    const hex = `byte 4 of the pickle is 0x${opcode.toString(16)}, an instruction that no state dict`;
    expect(() => load(bytes(op.proto(2), "))", Buffer.of(opcode), "."))).toThrow(hex);
  });

  it.each([
    ["a dict", op.emptyDict, "calls a dict of 0"],
    ["a storage class", op.global("torch", "FloatStorage"), "calls torch.FloatStorage"],
    ["a text", push("os.system"), 'calls the text "os.system"'],
  ])("calls nothing that is %s", (_, callee, message) => {
    expect(() => load(pickle(callee, op.emptyTuple, op.reduce))).toThrow(message);
  });

  it.each([
    [
      "a function with no arguments to speak of",
      [op.global("torch", "Size"), op.none, op.reduce],
      "calls torch.Size with None",
    ],
    ["torch.Size of a number", [call("torch", "Size", [1])], "calls torch.Size with 1"],
    [
      "an OrderedDict of a number",
      [call("collections", "OrderedDict", [1])],
      "calls collections.OrderedDict with 1",
    ],
    [
      "an OrderedDict of texts",
      [call("collections", "OrderedDict", [["ab"]])],
      'calls collections.OrderedDict with the text "ab"',
    ],
    [
      "an OrderedDict of single values",
      [call("collections", "OrderedDict", [[["a"]]])],
      "calls collections.OrderedDict with a sequence of 1",
    ],
    [
      "a parameter of a text",
      [call("torch._utils", "_rebuild_parameter", ["a"])],
      'calls torch.nn.Parameter with the text "a"',
    ],
  ])("refuses %s", (_, parts, message) => {
    expect(() => load(pickle(...parts))).toThrow(message);
  });
});

describe("damage", () => {
  it.each([
    ["no bytes", "", "cut off: byte 0 needs 1 more, 0 are left"],
    ["no STOP", "\x80\x02N", "cut off: byte 3 needs 1 more"],
    ["an operand cut off", "J\x00\x00", "cut off: byte 1 needs 4 more, 2 are left"],
    ["a text longer than the file", "X\xff\xff\xff\xffab", "byte 5 needs 4294967295 more, 2 are left"],
    ["a text of 2^64 - 1 bytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "needs 18446744073709552000 more"],
    ["a text that is not UTF-8", "U\x01\xff.", "text at byte 2 that is not UTF-8"],
    ["a frame longer than the file", "\x95\x00\x00", "byte 1 needs 8 more, 2 are left"],
    ["a name without an end", "cos", "the line at byte 1 has no end"],
    ["a module without a name", "cos\nsystem", "the line at byte 4 has no end"],
    ["protocol 6", "\x80\x06N.", "has protocol 6, expected at most 5"],
    ["STOP on an empty stack", ".", "takes a value from an empty stack"],
    ["STOP above a mark", "N(.", "takes a value from an empty stack"],
    ["TUPLE2 of one value", "N\x86.", "takes a value from an empty stack"],
    ["TUPLE2 across a mark", "N(N\x86.", "takes a value from an empty stack"],
    ["REDUCE of one value", ")R.", "takes a value from an empty stack"],
    ["APPEND to nothing", "Na.", "takes a value from an empty stack"],
    ["SETITEM of two values", "NNs.", "takes a value from an empty stack"],
    ["BINPUT of nothing", "q\x00.", "takes a value from an empty stack"],
    ["BINPERSID of nothing", "Q.", "takes a value from an empty stack"],
    ["BUILD of nothing", "Nb.", "takes a value from an empty stack"],
    ["TUPLE without a mark", "Nt.", "closes a sequence that it never opened"],
    ["SETITEMS without a mark", "}NNu.", "closes a sequence that it never opened"],
    ["a memo that was not set", "h\x07.", "refers to value 7, which it has not remembered"],
    ["APPEND to a dict", "}Na.", "appends to a dict of 0"],
    ["SETITEM on a list", "]NNs.", "sets items of a sequence of 0"],
    ["BUILD on a list", "]Nb.", "sets items of a sequence of 0"],
    ["BUILD on a function", "ctorch\nSize\nNb.", "sets items of torch.Size"],
    ["a dict with a key and no value", "}(Nu.", "a dict with a key and no value"],
    ["an instruction that there is none", "\xff.", "byte 0 of the pickle is 0xff, an instruction that no"],
  ])("%s", (_, crime, message) => {
    expect(() => load(bytes(crime))).toThrow(PickleError);
    expect(() => load(bytes(crime))).toThrow(message);
  });
});

describe("size", () => {
  const TOO_MANY = `builds more than ${MAX_PICKLE_OBJECTS} objects`;

  it.each([
    ["dicts", "}"],
    ["lists", "]"],
    ["tuples", ")"],
  ])("stops at too many %s", (_, opcode) => {
    expect(() => load(Buffer.alloc(MAX_PICKLE_OBJECTS + 2, opcode))).toThrow(TOO_MANY);
    expect(readValue(bytes(opcode.repeat(MAX_PICKLE_OBJECTS), "."))).toBeDefined();
  });

  it("stops at too many memo entries", () => {
    expect(() => load(bytes("N", Buffer.alloc(MAX_PICKLE_OBJECTS + 1, 0x94)))).toThrow(TOO_MANY);
  });

  it("stops where a long list is copied again and again", () => {
    const list = bytes(op.emptyList, op.mark, ...Array(1000).fill(push([1, 1])), op.appends, op.put(0));
    const copy = call("collections", "OrderedDict", [op.get(0)]);
    expect(() => load(pickle(list, ...Array(1000).fill(copy)))).toThrow(TOO_MANY);
  });

  it("nests half a million deep", () => {
    const depth = MAX_PICKLE_OBJECTS / 2;
    expect(readValue(bytes("]".repeat(depth), "a".repeat(depth - 1), "."))).toHaveLength(1);
  });

  it("takes a list that holds itself", () => {
    const list = readValue(pickle(op.emptyList, op.put(0), op.get(0), op.append)) as unknown[];
    expect(list[0]).toBe(list);
  });

  it("survives as many marks as fit", () => {
    expect(() => load(Buffer.alloc(MAX_PICKLE_BYTES, "("))).toThrow("is cut off");
  });
});

describe("any bytes", () => {
  const survives = (input: Uint8Array) => {
    try {
      load(Buffer.from(input));
    } catch (error) {
      expect(error).toBeInstanceOf(PickleError);
    }
  };
  const known = [..."()]}.tuesabNQRhqcX\x80\x85\x86\x87\x88\x8a\x8c\x93\x94"].map((c) => c.charCodeAt(0));

  it("end in a value or a PickleError", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 2000 });
  });

  it("end in a value or a PickleError if they are mostly instructions", () => {
    const byte = fc.oneof({ arbitrary: fc.constantFrom(...known), weight: 9 }, fc.nat(255));
    const instructions = fc.array(byte, { maxLength: 60 }).map((codes) => Uint8Array.from(codes));
    fc.assert(fc.property(instructions, survives), { numRuns: 5000 });
  });

  it("give back the plain data that they were made from", () => {
    const { data } = fc.letrec((tie) => ({
      data: fc.oneof(
        { depthSize: "small" },
        fc.oneof(fc.boolean(), fc.constant(null), fc.integer(), fc.bigInt(2n ** 53n, 2n ** 99n), fc.string()),
        fc.array(tie("data"), { maxLength: 4 }),
      ),
    }));
    fc.assert(
      fc.property(data, (value) => {
        expect(readValue(pickle(value as never))).toEqual(value);
      }),
    );
  });
});
