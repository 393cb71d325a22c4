import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFolder } from "../../src/checkpoint/folder.js";
import { sourceHashes } from "../../src/checkpoint/source-hashes.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { inFormatOf, readRecord } from "../../src/plan/conversion-record.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeTinyModel } from "../support/tiny-model.js";

/** A conversion, the text of its record, and the same record changed. */
async function recorded() {
  const [source, folder] = [await writeTinyModel(), join(await temporaryFolder(), "out")];
  const { plan } = await convert(source, folder, parseConvertOptions({}));
  const path = join(folder, "lsg_conversion.json");
  const read = () => readFileSync(path);
  const change = (changes: object) =>
    writeFileSync(path, JSON.stringify({ ...JSON.parse(read().toString()), ...changes }));
  return { source, folder, plan, read, change };
}

test("a record holds the hashes of its source's files, and nothing of a verification", async () => {
  const { source, folder, plan, read } = await recorded();
  const { format_version, source: from, verified } = JSON.parse(read().toString());
  expect([format_version, verified]).toEqual([2, undefined]);
  expect(from).toEqual({ model: "tiny", sha256: await sourceHashes(await openFolder(source)) });
  expect(Object.keys(from.sha256)).toEqual(["config.json", "model.safetensors", "vocab.txt"]);
  expect(await readRecord(await openFolder(folder))).toEqual(JSON.parse(JSON.stringify(plan.record)));
});

test("a dry run reads no weights, and has no hashes", async () => {
  const { plan } = await convert(await writeTinyModel(), "never", parseConvertOptions({ dryRun: true }));
  expect(plan.record.source).toEqual({ model: "tiny" });
});

describe("a record of format 1", () => {
  test("is read without the proof that stood in it, and planned again as it was written", async () => {
    const { folder, plan, read, change } = await recorded();
    const planned = read();
    const proof = { "config.json": "0".repeat(64) };
    change({ format_version: 1, source: { model: "tiny" }, verified: proof });
    const { promise, source } = await readRecord(await openFolder(folder));
    expect([promise, source]).toEqual([plan.record.promise, { model: "tiny" }]);
    expect(JSON.parse(inFormatOf(read(), planned).toString())).toMatchObject({
      format_version: 1,
      promise,
      verified: proof,
    });
    expect(inFormatOf(planned, planned)).toEqual(planned);
  });
});

test.each<[string, object, RegExp]>([
  ["without the hashes", { source: { model: "tiny" } }, /source: expected a model with its revision, or/],
  ["with one hash for all", { source: { model: "tiny", sha256: "0".repeat(64) } }, /source: expected/],
  [
    "with a hash that is none",
    { source: { model: "tiny", sha256: { "config.json": "0" } } },
    /source\.sha256\.config\.json: expected a SHA-256/,
  ],
  [
    "with a branch in place of a commit",
    { source: { model: "o/n", revision: "main" } },
    /source\.revision: expected a commit/,
  ],
  ["of a later version", { format_version: 3 }, /format_version: expected 1 or 2/],
])("a record of format 2 %s is refused", async (_, changes, says) => {
  const { folder, change } = await recorded();
  const copy = `${folder}-copy`;
  change(changes);
  cpSync(folder, copy, { recursive: true });
  await expect(readRecord(await openFolder(copy))).rejects.toThrow(says);
});
