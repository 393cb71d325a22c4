import { isUtf8 } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import { editTopLevel, isRecord, topLevelSpans } from "../../../src/json/json-edit.js";
import { JsonSyntaxError } from "../../../src/json/json-scan.js";
import { standardJson } from "../../../src/json/standard-json.js";
import { must, type Target } from "../target.js";

/** What only one of two readers of JSON takes: a key twice, nesting without end. */
const STRICTER = /stands there twice|levels/;

/** JSON is read as JSON.parse reads it, and edited without touching the rest. */
export const json: Target = {
  kind: "json",
  fixtures: [
    "bart/checkpoint/tokenizer.json",
    "bert/checkpoint/config.json",
    "bert/checkpoint/tokenizer_config.json",
  ],
  words: [
    '"',
    "\\",
    "\\u",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "NaN",
    "-Infinity",
    "1e999",
    '"a":',
    "\xef\xbb\xbf",
    "\n\t",
  ],
  refusals: [JsonSyntaxError],
  check(input) {
    const standard = standardJson(input, () => "0").content;
    must(standardJson(standard, () => "1").content.equals(standard), "what is standard stays");
    const value: unknown = JSON.parse(standard.toString());
    let spans: ReturnType<typeof topLevelSpans>;
    try {
      spans = topLevelSpans(standard);
    } catch (error) {
      const isStricter = error instanceof JsonSyntaxError && STRICTER.test(error.message);
      must(!isRecord(value) || !isUtf8(standard) || isStricter, `an object is read: ${error}`);
      throw error;
    }
    must(isRecord(value), "what is read is an object");
    must(isDeepStrictEqual(new Set(spans.keys()), new Set(Object.keys(value))), "its keys are found");
    const [first] = spans.keys();
    const edits = new Map<string, unknown>([
      ["fuzz", { a: [1, "\u2028"] }],
      ...(first === undefined ? [] : [[first, undefined] as const]),
    ]);
    const edited: unknown = JSON.parse(editTopLevel(standard, edits).toString());
    const expected = Object.entries(value).filter(([key]) => key !== first && key !== "fuzz");
    must(
      isDeepStrictEqual(
        edited,
        Object.fromEntries([...expected, ...(first === "fuzz" ? [] : [["fuzz", { a: [1, "\u2028"] }]])]),
      ),
      "an edit changes nothing else",
    );
  },
};
