import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expandJobs } from "../../src/batch/expand.js";
import { parseJobs } from "../../src/batch/read-jobs.js";
import type { Job } from "../../src/batch/types.js";

function jobsOf(document: object): Job[] {
  const { file, locate } = parseJobs(JSON.stringify(document), "jobs.json");
  return expandJobs(file, locate);
}

const names = (jobs: readonly Job[]) => jobs.map(({ name }) => name);

describe("a matrix", () => {
  test("combines models, presets and lengths, the last key fastest", () => {
    const jobs = jobsOf({
      defaults: { output: "out/{model}/{preset}-{max_sequence_length}", seed: 7 },
      jobs: [
        {
          matrix: {
            model: ["org/one", "./two/"],
            preset: ["faithful", "reference"],
            max_sequence_length: [1024, 4096],
          },
          seed: 9,
        },
      ],
    });
    expect(names(jobs)).toEqual([
      ...["one-faithful-1024", "one-faithful-4096", "one-reference-1024", "one-reference-4096"],
      ...["two-faithful-1024", "two-faithful-4096", "two-reference-1024", "two-reference-4096"],
    ]);
    expect(jobs[3]).toMatchObject({
      model: "org/one",
      output: "out/one/reference-4096",
      options: { preset: "reference", maxSequenceLength: 4096, seed: 9, runTest: false, lsg: {} },
    });
  });

  test("takes any option, LSG's own and lists among them", () => {
    const jobs = jobsOf({
      defaults: { output: "{name}" },
      jobs: [
        { model: "m", matrix: { block_size: [32, 64], sparsity_type: ["lsh", null], onnx: [["fp32"]] } },
        { model: "n", matrix: { attention_window: ["64,128", [256]] }, to: "longformer" },
        { model: "o", matrix: { merge: ["max", "mean"], window_overlap: [0] }, to: "windows" },
      ],
    });
    expect(names(jobs).slice(0, 2)).toEqual(["m-32-lsh-fp32", "m-32-null-fp32"]);
    expect(jobs[1]?.options).toMatchObject({ lsg: { block_size: 32, sparsity_type: null }, onnx: ["fp32"] });
    expect(jobs.slice(4, 6).map(({ options }) => options.attentionWindow)).toEqual([[64, 128], [256]]);
    expect(names(jobs).slice(4)).toEqual(["n-64-128", "n-256", "o-max-0", "o-mean-0"]);
    expect(jobs.at(-1)?.options).toMatchObject({ to: "windows", merge: "mean", windowOverlap: 0 });
  });

  test("that gives more jobs than anybody meant is refused", () => {
    const seeds = Array.from({ length: 101 }, (_, i) => i);
    const job = {
      model: "m",
      output: "{name}",
      matrix: { seed: seeds, global_positional_stride: seeds.map((i) => i + 1) },
    };
    expect(() => jobsOf({ jobs: [job] })).toThrow(/make 10201 jobs of it, at most 10000/);
  });

  test("of a key that the job has too is refused", () => {
    const jobs = [{ model: "m", output: "o", seed: 1, matrix: { seed: [1, 2] } }];
    expect(() => jobsOf({ jobs })).toThrow(/jobs\[0\]\.seed: it stands in the job and in its matrix/);
  });
});

describe("names and outputs", () => {
  test("are filled in; a value stays one part of a path", () => {
    const [job] = jobsOf({
      jobs: [
        {
          model: "hf://org/base@refs/pr/1",
          name: "{model} for {task}",
          task: "../x y",
          onnx: true,
          output: "a/{name}",
        },
      ],
    });
    expect([job?.name, job?.output]).toEqual(["base for x-y", "a/base-for-x-y"]);
  });

  test.each([
    [{ model: "m", output: "o/{max_sequence_length}" }, "{max_sequence_length} has no value here"],
    [{ model: "m", output: "o/{length}" }, "{length} has no value here"],
    [{ model: "m", output: "o/{model_kwargs}" }, "{model_kwargs} has no value here"],
    [{ model: "..", output: "o/{model}" }, "{model} has no value here"],
    [{ output: "o" }, "model is missing"],
    [{ model: "m" }, "output is missing"],
    [{ model: "m", output: "o", model_kwargs: { blok_size: 3 } }, 'unknown key "blok_size"'],
  ])("%j is refused with its place", (job, message) => {
    expect(() => jobsOf({ jobs: [{ model: "first", output: "elsewhere" }, job] })).toThrow(message);
    expect(() => jobsOf({ jobs: [{ model: "first", output: "elsewhere" }, job] })).toThrow(
      "jobs.json:1: jobs[1]",
    );
  });

  test.each([
    [
      "one name",
      [
        { model: "a/m", output: "1" },
        { model: "b/m", output: "2" },
      ],
      "a second job called m",
    ],
    [
      "one output",
      [
        { model: "a", output: "x/../o" },
        { model: "b", output: "./o" },
      ],
      "b writes ./o, and so does a",
    ],
    ["a matrix in one output", [{ matrix: { model: ["a", "b"] }, output: "o" }], "b writes o, and so does a"],
    [
      "one repository",
      [
        { model: "a", output: "1", push_to: "me/x" },
        { model: "b", output: "2", push_to: "me/x" },
      ],
      "a second job pushed to me/x",
    ],
    [
      "nested outputs",
      [
        { model: "a", output: "o" },
        { model: "b", output: "o/b" },
        { model: "c", output: "o-c" },
      ],
      "b writes o/b inside of o, written by a",
    ],
    [
      "an output in a model",
      [
        { model: "m", output: "x" },
        { model: "b", output: "m/b" },
      ],
      "b writes m/b inside of m, read by m",
    ],
    ["a model as its own output", [{ model: "m", output: "m" }], "m writes m inside of m, read by itself"],
    [
      "an output that is a model",
      [
        { model: "a", output: "o" },
        { model: "o", output: "p" },
      ],
      "a writes o inside of o, read by o",
    ],
    [
      "a model in an output",
      [
        { model: "a", output: "o" },
        { model: "o/b/c", output: "p" },
      ],
      "c reads o/b/c inside of o, written by a",
    ],
  ])("%s is refused before anything runs", (_, jobs, message) => {
    expect(() => jobsOf({ jobs })).toThrow(message);
  });

  test("side by side are fine, below one folder and above another's", () => {
    const jobs = [
      { model: join("models", "a"), output: "out/a" },
      { model: join("models", "b"), output: "out/a-b" },
      { model: "a/b", name: "third", output: "a/c" },
    ];
    expect(jobsOf({ jobs })).toHaveLength(3);
  });
});

describe("what nobody sees in a path is refused, wherever it comes from", () => {
  const BAD = "a\nfolders=/etc";
  test.each([
    ["jobs[0].output", { jobs: [{ model: "m", output: BAD }] }],
    ["jobs[0].model", { jobs: [{ model: BAD, output: "o" }] }],
    ["jobs[0].name", { jobs: [{ model: "m", output: "o", name: `{model}${BAD}` }] }],
    ["jobs[0].push_to", { jobs: [{ model: "m", output: "o", push_to: `org/${BAD}` }] }],
    [
      "jobs[1].matrix.model",
      {
        jobs: [
          { model: "m", output: "o" },
          { output: "{name}", matrix: { model: ["n", BAD] } },
        ],
      },
    ],
    ["defaults.output", { defaults: { output: `{name}/${BAD}` }, jobs: [{ model: "m" }] }],
    ["defaults.name", { defaults: { name: BAD }, jobs: [{ model: "m", output: "o" }] }],
  ])("%s", (key, document) => {
    const { file, locate } = parseJobs(JSON.stringify(document, null, 2), "jobs.json");
    expect(() => expandJobs(file, locate)).toThrow(
      new RegExp(
        `^jobs\\.json:\\d+: ${key.replace(/[[\].]/g, "\\$&")} "[^"]*a\\\\nfolders=/etc" holds \\\\n`,
      ),
    );
  });

  test.each(["\u0000", "\u001b[2J", "\u0085", "\u2028", "\u202e", "\ud800", "\t", "\r"])("%j", (bad) => {
    expect(() => jobsOf({ jobs: [{ model: "m", output: `o${bad}` }] })).toThrow(
      /jobs\[0\]\.output .* holds \\/,
    );
  });

  test("what a placeholder is filled with is a plain name", () => {
    const [job] = jobsOf({ jobs: [{ model: "./\u6771\u4eac m", output: "out/{name} \u6771" }] });
    expect(job).toMatchObject({ name: "m", output: "out/m \u6771" });
  });
});
