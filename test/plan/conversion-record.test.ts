import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFolder } from "../../src/checkpoint/folder.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { readRecord, withoutProof } from "../../src/plan/conversion-record.js";
import { recordProof } from "../../src/verify/proof.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeTinyModel } from "../support/tiny-model.js";

test("a proof is added to a record and taken away without a trace", async () => {
  const [plain, proven] = [join(await temporaryFolder(), "plain"), join(await temporaryFolder(), "proven")];
  const { plan } = await convert(await writeTinyModel(), plain, parseConvertOptions({}));
  cpSync(plain, proven, { recursive: true });
  await recordProof(await openFolder(proven));
  await recordProof(await openFolder(proven)); // a second one replaces the first
  const [before, after] = [plain, proven].map((folder) => readFileSync(join(folder, "lsg_conversion.json")));
  expect(Object.keys(JSON.parse(String(after)).verified)).toEqual(
    expect.arrayContaining(["config.json", "lsg_conversion.json", "model.safetensors"]),
  );
  expect(Object.keys(JSON.parse(String(after)).verified)).not.toContain("README.md");
  expect(withoutProof(after ?? Buffer.alloc(0))).toEqual(before);
  expect(withoutProof(before ?? Buffer.alloc(0))).toEqual(before);
  expect(await readRecord(await openFolder(proven))).toEqual(JSON.parse(JSON.stringify(plan.record)));
});
