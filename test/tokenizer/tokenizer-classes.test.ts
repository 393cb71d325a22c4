import { describe, expect, test } from "vitest";
import { opensFolder } from "../../src/tokenizer/class-name.js";
import { answers } from "./folders.js";

/** What each of the model types' classes opens in transformers. */
const OPENED = Object.entries(answers<{ files: string[]; fast: boolean }>("opened.json"));

describe.each(OPENED)("%s", (className, { files, fast }) => {
  test("opens a folder that has its files, and none that lacks one", () => {
    expect(opensFolder(className, new Set(files))).toBe(true);
    for (const missing of files) {
      expect(opensFolder(className, new Set(files.filter((file) => file !== missing)))).toBe(false);
    }
  });

  test("opens tokenizer.json where there is a fast one", () => {
    expect(opensFolder(className, new Set(["tokenizer.json"]))).toBe(fast);
  });

  test("opens no other class's vocabulary", () => {
    for (const [, { files: others }] of OPENED) {
      const isOwn = files.every((file) => others.includes(file));
      expect(opensFolder(className, new Set(others))).toBe(isOwn);
    }
  });
});
