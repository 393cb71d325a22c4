import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OptionError } from "../../src/base/errors.js";
import { JOB_OPTIONS, jobsJsonSchema } from "../../src/batch/jobs-schema.js";
import { parseJobs, readJobsFile } from "../../src/batch/read-jobs.js";
import { snakeCase } from "../../src/options/flags.js";
import { convertFlags } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";

/** The error that a file gives. */
function fault(text: string): OptionError {
  try {
    parseJobs(text, "jobs.yaml");
  } catch (error) {
    if (error instanceof OptionError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("a jobs file", () => {
  test("is YAML, or JSON in any layout", () => {
    const yaml = "jobs:\n  - model: m # a comment\n    output: o\n    onnx: true\n    sparsity_type: null\n";
    const json =
      '{\n\t"jobs": [\n\t\t{"model": "m", "output": "o", "onnx": true, "sparsity_type": null}\n\t]\n}';
    const expected = { jobs: [{ model: "m", output: "o", onnx: true, sparsity_type: null }] };
    expect(parseJobs(yaml, "a").file).toEqual(expected);
    expect(parseJobs(json, "b").file).toEqual(expected);
  });

  test("may have every option of lsg convert but those that say how to run", () => {
    const run = ["force", "dry_run", "json", "quiet"];
    const flags = convertFlags().map(({ key }) => snakeCase(key));
    expect([...JOB_OPTIONS, ...run].sort()).toEqual([...flags].sort());
  });

  test.each([
    [
      "jobs:\n  - model: m\n    preset: fast\n",
      'jobs.yaml:3: jobs[0].preset "fast": expected one of faithful, reference',
    ],
    [
      "jobs:\n  - model: m\n    max_sequence_length: 4k\n",
      'jobs.yaml:3: jobs[0].max_sequence_length "4k": expected a number',
    ],
    ["jobs:\n  - model: m\n    seed: 1.5\n", "jobs.yaml:3: jobs[0].seed 1.5: expected a whole number"],
    [
      "jobs:\n  - model: m\n    max-sequence-length: 1\n",
      "jobs.yaml:3: jobs[0].max-sequence-length: unknown key; did you mean max_sequence_length?",
    ],
    [
      "jobs:\n  - model: m\n\n    presets: faithful\n",
      "jobs.yaml:4: jobs[0].presets: unknown key; did you mean preset?",
    ],
    [
      "jobs:\n  - matrix:\n      preset: [faithful, best]\n",
      'jobs.yaml:3: jobs[0].matrix.preset[1] "best": expected one of faithful, reference',
    ],
    ["jobs:\n  - matrix:\n      seed: []\n", "jobs.yaml:3: jobs[0].matrix.seed: must be at least 1"],
    ["jobs:\n  - model: m\n    force: true\n", "jobs.yaml:3: jobs[0].force: unknown key"],
    [
      '{"jobs": [\n{"model": "m",\n"onnx": "fp32,int3"}]}',
      "jobs.yaml:3: jobs[0].onnx[1]: expected one of fp32",
    ],
    [
      "defaults: {block_size: -1}\njobs: [{model: m}]\n",
      "jobs.yaml:1: defaults.block_size -1: must be above 0",
    ],
    ["jobs: []\n", "jobs.yaml:1: jobs: must be at least 1"],
    ["models: []\n", "jobs.yaml:1: models: unknown key"],
    ["", "jobs.yaml:1: the file null: expected an object"],
    ["- model: m\n", "jobs.yaml:1: the file: expected an object"],
    [
      "jobs:\n  - model: m\n    model: n\n",
      "jobs.yaml:3: this is neither YAML nor JSON: Map keys must be unique",
    ],
    ["jobs:\n  - model: !!js/function m\n", "jobs.yaml:2: this is neither YAML nor JSON: Unresolved tag"],
    ["jobs: [\n", "jobs.yaml:2: this is neither YAML nor JSON"],
  ])("%j is refused by line and key", (text, message) => {
    expect(fault(text).message).toContain(message);
  });

  test("names every fault, up to ten", () => {
    const text = `jobs:\n${"  - {model: m, seed: x}\n".repeat(12)}`;
    const lines = fault(text)
      .message.split("\n")
      .map((line) => line.trim());
    expect(lines).toHaveLength(11);
    expect(lines[9]).toMatch(/^jobs\.yaml:11: jobs\[9\]\.seed "x"/);
    expect(lines[10]).toBe("and 2 more");
  });

  test("with aliases that multiply is refused", () => {
    const rows = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`);
    expect(fault(`a0: &a0 [x]\n${rows.join("\n")}\n`).message).toMatch(/alias/i);
  });

  test("__proto__ is an unknown key like any other", () => {
    expect(fault('{"jobs": [{"model": "m", "__proto__": {"output": "o"}}]}').message).toMatch(
      /__proto__: unknown key/,
    );
  });

  test("that is not there is an error with its name", async () => {
    const path = join(await temporaryFolder(), "none.yaml");
    await expect(readJobsFile(path)).rejects.toThrow(`${path} cannot be read: ENOENT`);
    await writeFile(path, "jobs: [{model: m}]");
    expect((await readJobsFile(path)).file.jobs).toHaveLength(1);
  });
});

test("docs/batch-jobs.schema.json is the schema (vitest -u writes it)", async () => {
  const text = `${JSON.stringify(jobsJsonSchema(), null, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../docs/batch-jobs.schema.json");
});
