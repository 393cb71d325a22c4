import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonSyntaxError, MAX_DEPTH } from "../../src/json/json-scan.js";
import { standardJson } from "../../src/json/standard-json.js";

const standard = (json: string) => {
  const { content, repeated, replaced } = standardJson(Buffer.from(json), () => "null");
  return { text: content.toString(), repeated, replaced };
};

describe("standardJson", () => {
  test.each([
    ["a byte order mark is left out", '\ufeff{"a":1}', '{"a":1}'],
    ["the last of a key is left", '{"a":1, "b":2,\n "a" : 3}', '{"b":2,\n "a" : 3}'],
    ["of a key that stands there three times too", '{"a":1,"a":2,"a":3}', '{"a":3}'],
    ["a key is the same when it is spelled otherwise", '{"a":1,"\\u0061":2}', '{"\\u0061":2}'],
    ["objects inside of lists are looked at", '[1,{"x":0,"x":1}]', '[1,{"x":1}]'],
    ["the same key in another object is another", '{"a":{"a":1},"b":{"a":1}}', '{"a":{"a":1},"b":{"a":1}}'],
    ["numbers that JSON lacks", "[NaN, Infinity ,-Infinity,-1e9]", "[null, null ,null,-1e9]"],
    [
      "what stands in a text is left alone",
      '{"a":"NaN, \\"a\\": Infinity"}',
      '{"a":"NaN, \\"a\\": Infinity"}',
    ],
    ["what goes goes with all that is odd in it", '{"a":{"b":NaN,"b":1},"a":2}', '{"a":2}'],
    ["a document may be one number", " NaN ", " null "],
  ])("%s", (_, json, text) => expect(standard(json).text).toBe(text));

  test("says where", () => {
    const { repeated, replaced } = standard('{"a":[{"b":1,"b":NaN,"b":-Infinity}],"c":Infinity,"c":0}');
    expect(repeated).toEqual([["a", 0, "b"], ["c"]]);
    expect(replaced).toEqual([{ path: ["a", 0, "b"], value: "-Infinity", by: "null" }]);
  });

  test("gives back the bytes that it was given where there is nothing to do", () => {
    const json = Buffer.from(' {"a": [1.0, 1e-12, {"b": "\\u00e9"}]}\n');
    expect(standardJson(json, () => "null").content.equals(json)).toBe(true);
    expect(standardJson(json, () => "null").repeated).toEqual([]);
  });

  test.each(["{", '{"a":Nan}', '{"a":+Infinity}', '{"a":1}}', "{'a':1}", "", "-Inf", '{"a":1,}'])(
    "refuses what Python refuses: %s",
    (json) => expect(() => standard(json)).toThrow(JsonSyntaxError),
  );

  test("refuses what is no UTF-8, and what nests too deep", () => {
    expect(() => standardJson(Buffer.from('\ufeff{"a":1}', "utf16le"), () => "null")).toThrow("not UTF-8");
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(standard(nested(MAX_DEPTH)).text).toBe(nested(MAX_DEPTH));
    expect(() => standard(nested(MAX_DEPTH + 1))).toThrow(`at most ${MAX_DEPTH} levels`);
    expect(() => standard(nested(1_000_000))).toThrow(JsonSyntaxError);
  });

  test("leaves every JSON document as it is, and reads as Python does what is more", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        // fast-check's documents name no key twice.
        expect(standard(json)).toEqual({ text: json, repeated: [], replaced: [] });
      }),
    );
    const members = fc.array(
      fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "NaN", '{"a":1}')),
    );
    fc.assert(
      fc.property(members, (pairs) => {
        const { text } = standard(`{${pairs.map(([key, value]) => `"${key}":${value}`).join(",")}}`);
        const last = Object.fromEntries(pairs.map(([key, value]) => [key, value.replace("NaN", "null")]));
        const expected = Object.entries(last).map(([key, value]) => [key, JSON.parse(value)]);
        expect(JSON.parse(text)).toEqual(Object.fromEntries(expected));
        expect(text.match(/"[abc]":/g)?.length ?? 0).toBe(
          expected.length + expected.filter(([, value]) => typeof value === "object" && value).length,
        );
      }),
    );
  });
});
