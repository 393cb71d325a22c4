import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageInfo } from "../../src/base/package.js";
import { outputState } from "../../src/batch/inspect-job.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { hashOfHashes, sourceHashes } from "../../src/checkpoint/source-hashes.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { recordedSource } from "../../src/plan/conversion-record.js";
import { FIXTURES } from "../support/fixtures.js";

const GIVEN = { maxSequenceLength: 1100, blockSize: 64, onnx: true };
let folder: string;
let [model, output] = ["", ""];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lsg-test-"));
  [model, output] = [join(folder, "model"), join(folder, "out")];
  await cp(join(FIXTURES, "bert", "checkpoint"), model, { recursive: true });
  await convert(model, output, parseConvertOptions(GIVEN));
});

afterAll(() => rm(folder, { recursive: true }));

/** How the output stands for a job that is like the one that wrote it but for these options. */
async function stateOfOutput(given: Record<string, unknown> = {}, version = packageInfo().version) {
  const source = await openFolder(model);
  return outputState(output, parseConvertOptions({ ...GIVEN, ...given }), {
    lsg_version: version,
    source: recordedSource(model, source, await sourceHashes(source)),
  });
}

/** Changes a file, looks, and puts it back. */
async function whenChanged(path: string, change: (path: string) => void) {
  const before = readFileSync(path);
  change(path);
  const found = await stateOfOutput().finally(() => writeFileSync(path, before));
  expect((await stateOfOutput()).state).toBe("unchanged");
  return found;
}

describe("an output", () => {
  test("of the same model, options and version is unchanged, its record says what it is", async () => {
    expect(await stateOfOutput()).toEqual({
      state: "unchanged",
      conversion: {
        architecture: "LSGBertForPreTraining",
        variant: "lsg",
        max_sequence_length: { from: 512, to: 1100 },
        lossless_up_to: 128,
        weights: expect.any(Number),
      },
    });
  });

  test.each([
    [{ maxSequenceLength: 1200, seed: 5 }, "max_sequence_length 1100 → 1200, seed 123 → 5"],
    [{ blockSize: 32, numGlobalTokens: 2 }, "block_size 64 → 32, num_global_tokens by default → 2"],
    [{ onnx: undefined }, 'onnx ["fp32"] → by default'],
    [{ runTest: true }, "run_test false → true"],
  ])("is outdated with %j", async (given, reason) => {
    expect(await stateOfOutput(given)).toEqual({ state: "outdated", reason: `other options: ${reason}` });
  });

  test("is unchanged on another device: it decides no byte", async () => {
    expect((await stateOfOutput({ device: "webgpu" })).state).toBe("unchanged");
  });

  test("of another version of lsg is outdated", async () => {
    expect(await stateOfOutput({}, "99.0.0")).toEqual({
      state: "outdated",
      reason: `lsg ${packageInfo().version} wrote it`,
    });
  });

  test.each([["model-00001-of-00002.safetensors"], ["vocab.txt"], ["config.json"]])(
    "is outdated when %s of the model has changed",
    async (file) => {
      const found = await whenChanged(join(model, file), (path) => {
        const content = readFileSync(path);
        // The last byte: sizes and headers stay as they were.
        content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
        writeFileSync(path, content);
      });
      expect(found).toEqual({ state: "outdated", reason: "the model has changed" });
    },
  );

  test.each([
    ["model-00002-of-00002.safetensors", /^it is damaged: model-00002/],
    ["lsg_conversion.json", /^it is damaged: lsg_conversion.json is not JSON/],
  ])("is outdated when its %s is cut short", async (file, reason) => {
    const found = await whenChanged(join(output, file), (path) => truncateSync(path, 100));
    expect(found).toEqual({ state: "outdated", reason: expect.stringMatching(reason) });
  });

  test("of an earlier lsg convert is outdated: its record does not know the model's bytes", async () => {
    const found = await whenChanged(join(output, "lsg_conversion.json"), (path) => {
      const { source, ...record } = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify({ ...record, format_version: 1, source: { model: source.model } }));
    });
    expect(found).toEqual({ state: "outdated", reason: "the model has changed" });
  });
});

test("the hashes are those of sha256sum, whatever other formats lie beside", async () => {
  const before = await sourceHashes(await openFolder(model));
  for (const file of ["tf_model.h5", "flax_model.msgpack"]) appendFileSync(join(model, file), "x");
  expect(await sourceHashes(await openFolder(model))).toEqual(before);
  const { createHash } = await import("node:crypto");
  const sha256 = (content: string | Buffer) => createHash("sha256").update(content).digest("hex");
  const files = [...(await openFolder(model)).files.keys()].filter((file) => !/h5|msgpack/.test(file)).sort();
  const lines = files.map((file) => `${sha256(readFileSync(join(model, file)))}  ${file}\n`);
  expect(Object.entries(before).map(([path, hash]) => `${hash}  ${path}\n`)).toEqual(lines);
  expect(hashOfHashes(before)).toBe(sha256(lines.join("")));
});
