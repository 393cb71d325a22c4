import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hashOf, openRecords } from "../../src/evaluate/records.js";
import { temporaryFolder } from "../support/fixtures.js";

const record = (item: string, outcome: unknown = [0.25, 0.75]) => ({
  ...{ system: "s", item, outcome, tokens: 10, read: 9, seconds: 0.5 },
});

test("what was recorded is found again, by system and item", async () => {
  const path = join(await temporaryFolder(), "records.jsonl");
  const first = await openRecords(path);
  await first.add(record("a"));
  await first.add({ ...record("a", "other"), system: "t" });
  await first.close();
  const again = await openRecords(path);
  expect(again.find("s", "a")).toEqual(record("a"));
  expect(again.find("t", "a")?.outcome).toBe("other");
  expect(again.find("s", "b")).toBeUndefined();
  await again.close();
});

test("a file that was cut anywhere loses its last line alone, and goes on growing", async () => {
  const folder = await temporaryFolder();
  const whole = ["a", "b"].map((item) => `${JSON.stringify(record(item))}\n`).join("");
  const second = whole.indexOf("\n") + 1;
  for (let length = 0; length <= whole.length; length += 7) {
    const path = join(folder, `${length}.jsonl`);
    await writeFile(path, whole.slice(0, length));
    const records = await openRecords(path);
    const found = ["a", "b"].map((item) => records.find("s", item) !== undefined);
    expect(found).toEqual([length >= second - 1, length >= whole.length - 1]);
    await records.add(record("c"));
    await records.close();
    const again = await openRecords(path);
    expect(again.find("s", "c")).toEqual(record("c"));
    expect(again.find("s", "a") !== undefined).toBe(found[0]);
    await again.close();
  }
});

test("lines of something else are not read, and stay", async () => {
  const path = join(await temporaryFolder(), "records.jsonl");
  await writeFile(path, 'text\n{"system": 1}\nnull\n');
  const records = await openRecords(path);
  await records.add(record("a"));
  await records.close();
  expect(await readFile(path, "utf8")).toBe(`text\n{"system": 1}\nnull\n${JSON.stringify(record("a"))}\n`);
});

test("items that differ have other hashes", () => {
  const texts = ["a", "b", "a "].map((text) => hashOf({ kind: "text", text }));
  expect(new Set(texts).size).toBe(3);
  expect(hashOf({ kind: "text", text: "a" })).toBe(texts[0]);
});
