import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editTopLevel, fileSpans, topLevelSpans } from "../../src/json/json-edit.js";
import { JsonSyntaxError, MAX_DEPTH } from "../../src/json/json-scan.js";

const edit = (json: string, edits: Record<string, unknown>) =>
  editTopLevel(Buffer.from(json), new Map(Object.entries(edits))).toString();

const CONFIG = `{
  "architectures": [
    "BertForMaskedLM"
  ],
  "layer_norm_eps": 1e-12,
  "dropout": 1.0,
  "seed": 123456789012345678901234567890,
  "text": "a \\"b\\" \\u00e9 é",
  "max_position_embeddings": 512
}
`;

describe("topLevelSpans", () => {
  it("finds keys and values in the file's order", () => {
    const json = Buffer.from(' {"b" : [1, {"c": 2}] ,"a":"}", "\\u0063":null}\n');
    const found = [...topLevelSpans(json)].map(([key, { start, end, key: at }]) => [
      key,
      json.toString("utf8", start, end),
      json.toString("utf8", at.start, at.end),
    ]);
    expect(found).toEqual([
      ["b", '[1, {"c": 2}]', '"b"'],
      ["a", '"}"', '"a"'],
      ["c", "null", '"\\u0063"'],
    ]);
  });

  it("passes over a byte order mark", () => {
    expect([...topLevelSpans(Buffer.from('\ufeff{"a":1}')).keys()]).toEqual(["a"]);
  });

  it("keeps __proto__ and number-like keys as keys, in their order", () => {
    expect([...topLevelSpans(Buffer.from('{"z":1,"__proto__":2,"1":3}')).keys()]).toEqual([
      "z",
      "__proto__",
      "1",
    ]);
  });

  it.each([
    ["nothing", "", 'expected "{" at byte 0, found the end of the text'],
    ["an array", "[1]", 'expected "{" at byte 0, found "["'],
    ["a Git LFS pointer", "version https://git-lfs", 'expected "{" at byte 0, found "v"'],
    ["trailing bytes", '{"a":1} x', 'expected the end of the text at byte 8, found "x"'],
    ["a second document", '{"a":1}{}', 'expected the end of the text at byte 7, found "{"'],
    ["a duplicate key", '{"a":1,"a":2}', 'the key "a" stands there twice'],
    ["a duplicate key spelled by an escape", '{"a":1,"\\u0061":2}', 'the key "a" stands there twice'],
    ["a cut object", '{"a":1', 'expected "," at byte 6, found the end of the text'],
    ["a cut string", '{"a":"b', "expected the rest of a string at byte 7, found the end of the text"],
    ["a line break in a string", '{"a":"\n"}', 'expected the rest of a string at byte 6, found "\\n"'],
    ["a trailing comma", '{"a":1,}', 'expected "\\"" at byte 7, found "}"'],
    ["a missing comma", '{"a":1 "b":2}', 'expected "," at byte 7, found "\\""'],
    ["a missing colon", '{"a" 1}', 'expected ":" at byte 5, found "1"'],
    ["a missing value", '{"a":}', 'expected a value at byte 5, found "}"'],
    ["a nested trailing comma", '{"a":[1,]}', 'expected a value at byte 8, found "]"'],
    ["brackets that do not match", '{"a":[1}}', 'expected "," at byte 7, found "}"'],
    ["single quotes", "{'a':1}", 'expected "\\"" at byte 1, found "\'"'],
    ["NaN", '{"a":NaN}', 'expected a value at byte 5, found "N"'],
    ["a cut literal", '{"a":nul}', 'expected a value at byte 5, found "n"'],
    ["a leading zero", '{"a":012}', 'expected "," at byte 6, found "1"'],
    ["a bare minus", '{"a":-}', 'expected a digit at byte 6, found "}"'],
    ["a bare point", '{"a":1.}', 'expected a digit at byte 7, found "}"'],
    ["a bare exponent", '{"a":1e+}', 'expected a digit at byte 8, found "}"'],
    ["an unknown escape", '{"a":"\\x"}', 'expected an escape at byte 7, found "x"'],
    ["a cut unicode escape", '{"a":"\\u12"}', 'expected an escape at byte 7, found "u"'],
  ])("refuses %s", (_crime, json, message) => {
    expect(() => topLevelSpans(Buffer.from(json))).toThrow(new JsonSyntaxError(message));
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => topLevelSpans(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow("not UTF-8");
  });

  it("refuses what would overflow the stack, and nothing shallower", () => {
    const nested = (levels: number) => Buffer.from(`{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`);
    expect(topLevelSpans(nested(MAX_DEPTH - 1)).size).toBe(1);
    expect(() => topLevelSpans(nested(MAX_DEPTH))).toThrow(`at most ${MAX_DEPTH} levels`);
    expect(() => topLevelSpans(Buffer.from(`{"a":${"[".repeat(1_000_000)}`))).toThrow(JsonSyntaxError);
  });

  it("accepts what JSON.parse accepts, and says the same", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 4), (object, indent) => {
        const json = Buffer.from(JSON.stringify(object, null, indent));
        const built = [...topLevelSpans(json)].map(([key, { start, end }]) => [
          key,
          JSON.parse(json.toString("utf8", start, end)),
        ]);
        expect(built).toEqual(Object.entries(JSON.parse(json.toString())));
      }),
    );
  });

  it("refuses what JSON.parse refuses", () => {
    const damage = fc.tuple(fc.nat(), fc.constantFrom(...'{}[],:"\\0-.eE tfn\n\u0001'));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), damage, (object, [at, character]) => {
        const sound = JSON.stringify(object);
        const json = sound.slice(0, at % sound.length) + character + sound.slice((at % sound.length) + 1);
        let parsed: unknown;
        try {
          parsed = JSON.parse(json);
        } catch {
          expect(() => topLevelSpans(Buffer.from(json))).toThrow(JsonSyntaxError);
          return;
        }
        let keys: string[];
        try {
          keys = [...topLevelSpans(Buffer.from(json)).keys()];
        } catch (error) {
          expect(String(error)).toContain("twice");
          return;
        }
        expect(new Set(keys)).toEqual(new Set(Object.keys(parsed as object)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("fileSpans", () => {
  it("names the file", () => {
    expect(() => fileSpans(Buffer.from("{"), "1_Pooling/config.json")).toThrow(
      /^1_Pooling\/config\.json is not a JSON object: expected/,
    );
  });
});

describe("editTopLevel", () => {
  it("replaces a value and leaves every other byte", () => {
    expect(edit(CONFIG, { max_position_embeddings: 4096 })).toBe(
      CONFIG.replace('"max_position_embeddings": 512', '"max_position_embeddings": 4096'),
    );
  });

  it("returns the same buffer where nothing changes, so that 1.0 stays 1.0", () => {
    const json = Buffer.from(CONFIG);
    expect(
      editTopLevel(
        json,
        new Map<string, unknown>([
          ["dropout", 1],
          ["gone", undefined],
        ]),
      ),
    ).toBe(json);
    expect(editTopLevel(json, new Map())).toBe(json);
  });

  it("adds keys at the end, indented as the file is", () => {
    expect(edit(CONFIG, { auto_map: { AutoModel: "m.M" }, sizes: [1, 2], none: [] })).toBe(
      CONFIG.replace(
        '_embeddings": 512\n',
        '_embeddings": 512,\n  "auto_map": {\n    "AutoModel": "m.M"\n  },\n  "sizes": [\n    1,\n    2\n  ],\n  "none": []\n',
      ),
    );
  });

  it.each([
    ["four blanks", '{\n    "a": 1\n}', '{\n    "a": 1,\n    "b": {\n        "c": 2\n    }\n}'],
    ["tabs", '{\n\t"a": 1\n}\n', '{\n\t"a": 1,\n\t"b": {\n\t\t"c": 2\n\t}\n}\n'],
    ["CRLF", '{\r\n  "a": 1\r\n}', '{\r\n  "a": 1,\r\n  "b": {\r\n    "c": 2\r\n  }\r\n}'],
    ["one line with blanks", '{"x": 0, "a": 1}', '{"x": 0, "a": 1, "b": {"c": 2}}'],
    ["one line and one key", '{"a": 1}', '{"a": 1, "b": {"c": 2}}'],
    ["one line without blanks", '{"x":0,"a":1}\n', '{"x":0,"a":1,"b":{"c":2}}\n'],
    ["an empty object", "{}\n", '{"b": {"c": 2}}\n'],
    ["a byte order mark", '\ufeff{"a":1}', '\ufeff{"a":1,"b":{"c":2}}'],
  ])("follows the style of the file: %s", (_style, before, after) => {
    expect(edit(before, { b: { c: 2 } })).toBe(after);
  });

  it("does not take line breaks inside strings for its own", () => {
    expect(edit('{"a": 1}', { b: ["x,\n y", "z"] })).toBe('{"a": 1, "b": ["x,\\n y", "z"]}');
  });

  it.each([
    ["the first key", { a: undefined }, '{\n  "b": 2,\n  "c": 3\n}'],
    ["a middle key", { b: undefined }, '{\n  "a": 1,\n  "c": 3\n}'],
    ["the last key", { c: undefined }, '{\n  "a": 1,\n  "b": 2\n}'],
    ["every key", { a: undefined, b: undefined, c: undefined }, "{}"],
    [
      "every key, with another in their place",
      { a: undefined, b: undefined, c: undefined, d: 4 },
      '{\n  "d": 4\n}',
    ],
    [
      "the last key, with another in its place",
      { c: undefined, d: 4 },
      '{\n  "a": 1,\n  "b": 2,\n  "d": 4\n}',
    ],
  ])("removes %s", (_which, edits, after) => {
    expect(edit('{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}', edits)).toBe(after);
  });

  it("edits inside the object that stands there, and leaves its other bytes", () => {
    const json = '{\n  "truncation": {"stride":0.0,  "max_length":128},\n  "padding": null\n}';
    expect(edit(json, { truncation: new Map([["max_length", 4096]]) })).toBe(json.replace("128", "4096"));
  });

  it("writes a whole object for a Map where there is none", () => {
    const edits = { a: new Map([["b", new Map([["c", 1]])]]), d: new Map([["e", 2]]) };
    expect(edit('{"a":null}', edits)).toBe('{"a":{"b":{"c":1}},"d":{"e":2}}');
  });

  it("keeps __proto__ as a key", () => {
    expect(edit('{"__proto__":1}', { b: 2 })).toBe('{"__proto__":1,"b":2}');
  });

  it("agrees with editing the built object, at every indentation", () => {
    const value = fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined });
    const key = fc.constantFrom("a", "b", "c", "d", 'é"', "__proto__");
    const object = fc.uniqueArray(fc.tuple(key, fc.jsonValue({ maxDepth: 2 })), {
      selector: ([name]) => name,
    });
    const edits = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name });
    fc.assert(
      fc.property(object, edits, fc.constantFrom("", " ", "  ", "\t"), (members, changes, indent) => {
        const json = Buffer.from(JSON.stringify(Object.fromEntries(members), null, indent));
        const expected = new Map<string, unknown>(
          members.map(([name, old]) => [name, JSON.parse(JSON.stringify(old))]),
        );
        for (const [name, wanted] of changes) {
          if (wanted === undefined) expected.delete(name);
          else expected.set(name, JSON.parse(JSON.stringify(wanted)));
        }
        const after = editTopLevel(json, new Map(changes)).toString();
        expect(Object.entries(JSON.parse(after))).toEqual([...expected]);
        if (indent !== "" && expected.size > 0 && members.length > 0) {
          expect(after).toBe(JSON.stringify(JSON.parse(after), null, indent));
        }
      }),
    );
  });

  it("goes through 17 MB without building them", () => {
    const pieces = Array.from(
      { length: 250_000 },
      (_, i) => `      [\n        "▁piece${i}",\n        -${i}.25\n      ]`,
    );
    const json = Buffer.from(
      `{\n  "truncation": {\n    "max_length": 512\n  },\n  "model": {\n    "vocab": [\n${pieces.join(",\n")}\n    ]\n  }\n}`,
    );
    const heap = process.memoryUsage().heapUsed;
    const after = editTopLevel(json, new Map([["truncation", new Map([["max_length", 4096]])]]));
    expect(after.length).toBe(json.length + 1);
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(16e6);
  });
});
