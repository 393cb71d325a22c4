import { describe, expect, test } from "vitest";
import { JsonSyntaxError, refuseDeep, replaceNumbers } from "../../src/json/json-scan.js";

const replaced = (json: string) => replaceNumbers(Buffer.from(json), (number) => `<${number}>`).toString();

describe("numbers", () => {
  test("are replaced, but not in texts", () => {
    expect(replaced('{"a1": 2, "b": [-3.5e+10, "4 \\" 5", 6], "7": 0}')).toBe(
      '{"a1": <2>, "b": [<-3.5e+10>, "4 \\" 5", <6>], "7": <0>}',
    );
  });

  test("stay where nothing is to stand in their place", () => {
    const json = Buffer.from('{"a": 1, "b": 2.0}');
    expect(replaceNumbers(json, () => undefined)).toBe(json);
    const wholes = replaceNumbers(json, (number) => (number.includes(".") ? "3" : undefined));
    expect(wholes.toString()).toBe('{"a": 1, "b": 3}');
  });

  test("behind a text that has no end are part of it", () => {
    expect(replaced('{"a": 1, "b 2')).toBe('{"a": <1>, "b 2');
    expect(replaced('{"a": 1, "b\\')).toBe('{"a": <1>, "b\\');
  });
});

describe("depth", () => {
  test("is counted outside of texts", () => {
    expect(() => refuseDeep(Buffer.from(`{"a": "${"[".repeat(1000)}"}`))).not.toThrow();
    expect(() => refuseDeep(Buffer.from("[".repeat(128) + "]".repeat(128)))).not.toThrow();
    expect(() => refuseDeep(Buffer.from("[{".repeat(65)))).toThrow(JsonSyntaxError);
    expect(() => refuseDeep(Buffer.from("[]".repeat(1000)))).not.toThrow();
  });
});
