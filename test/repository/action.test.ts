import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { expandJobs } from "../../src/batch/expand.js";
import { parseJobs } from "../../src/batch/read-jobs.js";
import { readShard } from "../../src/batch/shard.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

interface Step {
  readonly id?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(ROOT, "action.yml"), "utf8");
const action: {
  inputs: Record<string, { description: string; default: string }>;
  outputs: Record<string, { description: string; value: string }>;
  runs: { using: string; steps: Step[] };
} = parse(text);
const { inputs, outputs, runs } = action;

describe("action.yml", () => {
  test("uses every input, and none that it does not have", () => {
    const used = [...text.matchAll(/inputs\.(\w+)/g)].map(([, name]) => name);
    expect([...new Set(used)].sort()).toEqual(Object.keys(inputs).sort());
  });

  test("gives outputs of steps that it has", () => {
    const steps = runs.steps.map(({ id }) => id);
    for (const [, id] of text.matchAll(/steps\.(\w+)\./g)) expect(steps).toContain(id);
    for (const name of Object.keys(outputs)) expect(outputs[name]?.value).toContain(`outputs.${name} `);
  });

  test("hands inputs to scripts in the environment: nothing of them is run", () => {
    const scripts = runs.steps.filter(({ run }) => run !== undefined);
    expect(scripts.length).toBeGreaterThan(2);
    for (const { run, shell } of scripts) {
      expect(run).not.toContain("${{");
      expect(shell).toBe("bash");
    }
  });
});

/** The outputs in a file as GitHub's runner reads it: lines of NAME=VALUE, or NAME<<MARK, lines of a value and MARK. */
function readOutputs(text: string): Record<string, string> {
  const lines = text.split("\n");
  const found: Record<string, string> = {};
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name = "", sign, rest = ""] = /^(.*?)(=|<<)(.*)$/.exec(line) ?? [];
    if (sign === undefined) continue;
    const end = lines.indexOf(rest);
    found[name] =
      sign === "="
        ? rest
        : lines
            .splice(0, end + 1)
            .slice(0, -1)
            .join("\n");
  }
  return found;
}

/** Lines of a log that GitHub's runner takes for commands. */
function commandsIn(log: string): string[] {
  const lines = log.split("\n");
  const [, mark = ""] = /^::stop-commands::(.+)$/m.exec(log) ?? [];
  const stop = lines.indexOf(`::stop-commands::${mark}`);
  const muted =
    stop < 0 ? lines : [...lines.slice(0, stop), ...lines.slice(lines.indexOf(`::${mark}::`) + 1)];
  return muted.filter((line) => /^\s*::|##\[/.test(line));
}

/** Runs one of the action's scripts as a runner does, and reads what it says to the next steps. */
async function runStep(id: string, cwd: string, env: Readonly<Record<string, string>>) {
  const step = runs.steps.find((one) => one.id === id);
  const temp = await temporaryFolder();
  const output = join(temp, "output");
  writeFileSync(output, "");
  const unset = Object.fromEntries(Object.keys(step?.env ?? {}).map((key) => [key, ""]));
  const { status, stderr, stdout } = spawnSync(
    "bash",
    ["--noprofile", "--norc", "-eo", "pipefail", "-c", step?.run ?? "exit 99"],
    {
      cwd,
      encoding: "utf8",
      env: {
        ...process.env,
        ...{ ...unset, OUTPUT: inputs.output?.default ?? "", PARALLEL: inputs.parallel?.default ?? "" },
        ...{ GITHUB_ACTION_PATH: ROOT, GITHUB_OUTPUT: output, RUNNER_TEMP: temp, ...env },
      },
    },
  );
  const text = readFileSync(output, "utf8");
  return { status, said: stderr + stdout, text, outputs: readOutputs(text) };
}

describe("the action's scripts", () => {
  test("find Node and the caches", async () => {
    const cwd = await temporaryFolder();
    writeFileSync(join(cwd, "jobs.yaml"), "jobs: []");
    expect((await runStep("node", cwd, {})).outputs).toEqual({ found: "true" });
    const places = (env: Readonly<Record<string, string>>) =>
      runStep("places", cwd, { HF_HOME: "/hf", ...env });
    const found = await places({ JOBS: "jobs.yaml", SHARD: "1/2" });
    expect(found.status, found.said).toBe(0);
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(found.outputs).toEqual({
      npm: expect.stringMatching(/^\//),
      lock: digest,
      hub: "/hf/hub",
      jobs: digest,
    });
    const other = await places({ JOBS: "jobs.yaml", SHARD: "2/2" });
    expect(other.outputs.lock).toBe(found.outputs.lock);
    expect(other.outputs.jobs).not.toBe(found.outputs.jobs);
  });

  test("convert one model with its options, whatever its name holds", async () => {
    const cwd = await temporaryFolder();
    const model = `a "quoted" $(touch injected) 'model': {x}`;
    mkdirSync(join(cwd, model));
    for (const file of readdirSync(join(FIXTURES, "roberta", "checkpoint")))
      writeFileSync(join(cwd, model, file), readFileSync(join(FIXTURES, "roberta", "checkpoint", file)));
    const options = "max_sequence_length: 700\npreset: reference\n";
    const done = await runStep("convert", cwd, { MODEL: `./${model}`, OPTIONS: options, JUNIT: "j.xml" });
    expect(done.status, done.said).toBe(0);
    const folder = "converted/a-quoted-touch-injected-model-x";
    expect(done.outputs).toEqual({
      report: expect.stringMatching(/report\.json$/),
      folders: folder,
      ...{ converted: "1", unchanged: "0", failed: "0" },
    });
    const record = JSON.parse(readFileSync(join(cwd, folder, "lsg_conversion.json"), "utf8"));
    expect([record.max_sequence_length.to, record.options.preset]).toEqual([700, "reference"]);
    expect(readdirSync(cwd).sort()).toEqual([model, "converted", "j.xml"].sort());
  });

  test("run a part of a file, and fail with it", async () => {
    const cwd = await temporaryFolder();
    writeFileSync(join(cwd, "jobs.yaml"), "jobs: [{model: ./a, output: x}, {model: ./b, output: y}]");
    const failed = await runStep("convert", cwd, { JOBS: "jobs.yaml", SHARD: "2/2" });
    expect(failed.status).toBe(1);
    expect(failed.outputs).toMatchObject({ converted: "0", unchanged: "0", failed: "1", folders: "" });
    expect(failed.said).toMatch(/there is no folder \.\/b/);
  });

  test("end no output before its end, whatever it holds, and draw another delimiter each time", async () => {
    const cwd = await temporaryFolder();
    writeFileSync(join(cwd, "jobs.yaml"), "jobs: [{model: ./a, output: x}]");
    const evil = ["END_OF_FOLDERS", "EOF", "hub=/etc", "jobs=evil", "report<<X", "/etc", "X", "converted=99"];
    const temp = join(await temporaryFolder(), evil.join("\n").replaceAll("/", "\u2215"));
    mkdirSync(temp);
    const found = await runStep("places", cwd, { JOBS: "jobs.yaml", HF_HUB_CACHE: evil.join("\n") });
    expect(found.outputs).toMatchObject({
      hub: evil.join("\n"),
      jobs: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const done = await runStep("convert", cwd, { JOBS: "jobs.yaml", RUNNER_TEMP: temp });
    expect(done.outputs).toMatchObject({ converted: "0", failed: "1", folders: "" });
    expect(done.outputs.report).toMatch(/converted=99\/lsg-\w+\/report\.json$/);
    const marks = (found.text + done.text).match(/(?<=<<)[0-9a-f-]{36}$/gm);
    expect(new Set(marks).size).toBe(4 + 5);
  });

  test.each([
    ["output", { MODEL: "./m", OUTPUT: "out\nEND_OF_FOLDERS\nreport=/etc" }],
    ["model", { MODEL: "./m\n::set-output name=report::/etc" }],
    ["options", { MODEL: "./m", OPTIONS: "push_to: org/\u202ename" }],
  ])("refuse what nobody sees before anything is run: %s", async (key, env) => {
    const cwd = await temporaryFolder();
    const { status, said, outputs } = await runStep("convert", cwd, env);
    expect(status, said).toBe(2);
    expect(said).toMatch(/job\.yaml:\d+: jobs\[0\]\.(output|model|push_to) ".*" holds \\/);
    expect(outputs).toMatchObject({ converted: "0", unchanged: "0", failed: "0", folders: "" });
    expect([key, commandsIn(said), readdirSync(cwd)]).toEqual([key, [], []]);
  });

  test("hold the options below the one job, whatever ends their lines", async () => {
    const cwd = await temporaryFolder();
    const env = { MODEL: "./m", OPTIONS: "seed: 1\r  - model: ./other\r    output: there" };
    const { status, said } = await runStep("convert", cwd, env);
    expect([status, said]).toEqual([2, expect.stringMatching(/job\.yaml:\d+: /)]);
  });

  test("leave nothing of a model's names to the runner as a command", async () => {
    const cwd = await temporaryFolder();
    const name = "::add-mask::a ##[add-mask]b";
    writeFileSync(
      join(cwd, "jobs.yaml"),
      JSON.stringify({ jobs: [{ name, model: `./${name}`, output: "o" }] }),
    );
    const { status, said } = await runStep("convert", cwd, { JOBS: "jobs.yaml" });
    expect([status, commandsIn(said)]).toEqual([1, []]);
    // Without the runner's switch too: whoever runs lsg in a script of their own has none.
    const lines = said.split("\n").filter((line) => !/^::(stop-commands::)?[0-9a-f-]{36}(::)?$/.test(line));
    expect(commandsIn(lines.join("\n"))).toEqual([]);
    expect(said).toContain(String.raw`\u003a:add-mask::a \u0023#[add-mask]b: there is no folder`);
  });

  test("want either a file or a model", async () => {
    const cwd = await temporaryFolder();
    for (const env of [{}, { JOBS: "a", MODEL: "b" }]) {
      const { status, said } = await runStep("convert", cwd, env);
      expect([status, said]).toEqual([2, "::error::Give either jobs, a file, or model.\n"]);
    }
  });
});

/** The YAML examples of a page. */
function examples(page: string): unknown[] {
  const blocks = readFileSync(join(ROOT, "docs", page), "utf8").matchAll(/^```yaml\n(.*?)^```/gms);
  return [...blocks].map(([, block]) => parse(block ?? ""));
}

describe("the examples in docs/", () => {
  const [workflow, steps, cluster] = examples("automation.md") as [
    { jobs: { convert: { strategy: { matrix: { shard: number[] } }; steps: Step[] } } },
    Step[],
    {
      spec: {
        completions: number;
        template: { spec: { containers: { args: string[] }[] } };
      };
    },
  ];

  test("call the action with inputs that it has", () => {
    const calls = [...workflow.jobs.convert.steps, ...steps].filter(({ uses }) =>
      uses?.startsWith("OWNER/lsg@"),
    );
    expect(calls).toHaveLength(2);
    for (const call of calls)
      expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(call.with ?? {})));
    const { shard } = workflow.jobs.convert.strategy.matrix;
    expect(calls[0]?.with?.shard).toBe(`\${{ matrix.shard }}/${shard.length}`);
  });

  test("divide an indexed Job into as many parts as it has pods", () => {
    const { completions, template } = cluster.spec;
    const [verb, file, flag, part] = template.spec.containers[0]?.args ?? [];
    expect([verb, file, flag]).toEqual(["batch", "jobs.yaml", "--shard"]);
    const last = { JOB_COMPLETION_INDEX: String(completions - 1) };
    expect(readShard(part, last)).toEqual({ index: completions, count: completions });
  });

  test("of files of jobs are such files", () => {
    const [file] = examples("batch.md");
    const { file: jobsFile, locate } = parseJobs(JSON.stringify(file), "jobs.yaml");
    expect(expandJobs(jobsFile, locate).map(({ name, output }) => [name, output])).toEqual(
      expect.arrayContaining([
        ["my-classifier", "models/my-classifier"],
        ["roberta-base-reference-4096", "models/roberta-base-reference-4096"],
        ["summariser", "models/long/summariser"],
      ]),
    );
  });
});
