import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { BatchReport } from "../../src/batch/types.js";
import { LSG, lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { largeModel } from "../support/large-model.js";
import { PATIENCE } from "../support/patience.js";
import { writeTinyModel } from "../support/tiny-model.js";
import { writeSmallBert } from "../verify/small-bert.js";

const BERT = join(FIXTURES, "bert", "checkpoint");
const ROBERTA = join(FIXTURES, "roberta", "checkpoint");
const DEFAULTS = { output: "out/{name}", max_sequence_length: 1100 };

/** A folder with a jobs file, and what runs it there. */
async function workplace(jobs: readonly object[], defaults: object = DEFAULTS) {
  const cwd = await temporaryFolder();
  const write = (list: readonly object[], common: object = defaults) =>
    writeFile(join(cwd, "jobs.json"), JSON.stringify({ defaults: common, jobs: list }));
  await write(jobs);
  return {
    cwd,
    write,
    outputs: () => readdirSync(join(cwd, "out")).sort(),
    run: (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
      lsg(["batch", "jobs.json", ...args], { cwd, env: { ...process.env, ...env } }),
    async report(...args: string[]) {
      const { code, stdout } = await lsg(["batch", "jobs.json", "--json", "--quiet", ...args], { cwd });
      const report: BatchReport = JSON.parse(stdout);
      return { code, report, statuses: report.jobs.map(({ name, status }) => `${name} ${status}`) };
    },
    start: (...args: string[]) => spawn(process.execPath, [LSG, "batch", "jobs.json", ...args], { cwd }),
  };
}

/** Waits until the large job is writing its folder. */
async function untilWriting(cwd: string): Promise<void> {
  const out = join(cwd, "out");
  const isWriting = () => readdirSync(out).some((name) => name.startsWith("large.partial-"));
  while (!existsSync(out) || !isWriting()) await sleep(2);
}

function childrenOf({ pid }: ChildProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}

describe("lsg batch", () => {
  test("goes on after a bad job, says what became of each, and ends with 1", async () => {
    const { run, outputs, cwd } = await workplace([
      { model: BERT, name: "first" },
      { model: "nowhere/at/all", name: "bad" },
      { model: ROBERTA, name: "last" },
    ]);
    const summary = join(cwd, "summary.md");
    await writeFile(summary, "before\n");
    const { code, stdout, stderr } = await run(["--jobs", "2", "--junit", "results.xml"], {
      GITHUB_STEP_SUMMARY: summary,
    });
    expect([code, outputs()]).toEqual([1, ["first", "last"]]);
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => line.split(/ {2,}/).slice(0, 2).join(" ")).slice(0, 4)).toEqual([
      "job result",
      "first converted",
      "bad FAILED",
      "last converted",
    ]);
    expect(lines.at(-1)).toMatch(/^3 jobs: 2 converted, 1 FAILED in /);
    expect(stderr.split("\n").filter((line) => line.startsWith("[bad] "))).toEqual([
      "[bad] FAILED: there is no folder nowhere/at/all Check the path, or name a Hub model as org/name.",
    ]);
    expect(readFileSync(summary, "utf8")).toMatch(/^before\n### lsg batch: 3 jobs: 2 converted, 1 FAILED/);
    expect(readFileSync(join(cwd, "results.xml"), "utf8")).toContain('tests="3" failures="1"');
  });

  test("skips what is done, and makes again what has changed, with the reason", async () => {
    const model = await writeTinyModel();
    const { write, report, cwd, outputs } = await workplace([
      { model, name: "a" },
      { model: BERT, name: "b" },
    ]);
    expect((await report()).statuses).toEqual(["a converted", "b converted"]);
    await write([
      { model, name: "a", max_sequence_length: 1200 },
      { model: BERT, name: "b" },
    ]);
    const changed = await report("--jobs", "2");
    expect(changed.report.jobs[1]?.conversion).toMatchObject({
      max_sequence_length: { from: 512, to: 1100 },
    });
    expect(changed.statuses).toEqual(["a converted", "b unchanged"]);
    expect(changed.report.jobs[0]?.reason).toBe("other options: max_sequence_length 1100 → 1200");
    const config = JSON.parse(readFileSync(join(cwd, "out", "a", "config.json"), "utf8"));
    expect([config.max_position_embeddings, outputs()]).toEqual([1200, ["a", "b"]]);
  });

  test("does not touch what lsg did not write, unless it is forced to", async () => {
    const { cwd, report } = await workplace([{ model: BERT, name: "mine" }]);
    const output = join(cwd, "out", "mine");
    await mkdir(output, { recursive: true });
    await writeFile(join(output, "config.json"), "mine");
    const { code, report: first } = await report();
    expect([code, first.jobs[0]?.error?.message]).toEqual([1, expect.stringMatching(/lsg did not write it/)]);
    expect(await readdir(output)).toEqual(["config.json"]);
    expect((await report("--force")).statuses).toEqual(["mine converted"]);
  });

  test("proves what has run_test, and fails what falls short of it", async () => {
    const small = writeSmallBert(join(await temporaryFolder(), "small"));
    const { report, cwd } = await workplace(
      [
        { model: small, name: "proven", device: "cpu" },
        { model: small, name: "elsewhere", device: "dml" },
      ],
      { output: "out/{name}", max_sequence_length: 96, run_test: true },
    );
    const { code, report: done } = await report();
    const [proven, elsewhere] = done.jobs;
    expect([code, proven?.status, elsewhere?.status]).toEqual([1, "converted", "failed"]);
    expect(proven?.verification?.summary).toMatch(/out\/proven is sound/);
    expect(elsewhere?.error?.message).toMatch(/dml/);
    expect(readdirSync(join(cwd, "out"))).toEqual(["proven"]);
  });

  test("runs its part of the jobs, by an indexed Job's number", async () => {
    const { run, outputs } = await workplace(["a", "b", "c"].map((name) => ({ model: BERT, name })));
    const { code, stdout } = await run(["--shard", "/2"], { JOB_COMPLETION_INDEX: "1" });
    expect([code, outputs()]).toEqual([0, ["b"]]);
    expect(stdout).toMatch(/part 2 of 2, 1 job: 1 converted/);
    const open = await run([], { JOB_COMPLETION_INDEX: "0" });
    expect([open.code, open.stderr]).toEqual([2, expect.stringMatching(/--shard \/N/)]);
  });

  test("--dry-run opens every model, prints what would be done, and writes nothing", async () => {
    const { cwd, report } = await workplace([
      { model: BERT, name: "fine" },
      { model: BERT, name: "misfit", block_size: 100, sparsity_factor: 3, sparsity_type: "norm" },
    ]);
    const { code, statuses, report: plan } = await report("--dry-run");
    expect([code, statuses]).toEqual([1, ["fine planned", "misfit failed"]]);
    expect(plan.jobs[0]).toMatchObject({ conversion: { lossless_up_to: 512 }, memory: expect.any(Number) });
    expect(readdirSync(cwd)).toEqual(["jobs.json"]);
  });

  test("refuses a wrong file before anything runs", async () => {
    const { run, cwd } = await workplace([
      { model: BERT, name: "a" },
      { model: BERT, name: "b", preset: "best" },
    ]);
    const { code, stderr } = await run();
    expect([code, readdirSync(cwd)]).toEqual([2, ["jobs.json"]]);
    expect(stderr).toMatch(
      /^lsg: jobs\.json:1: jobs\[1\]\.preset "best": expected one of faithful, reference\n/,
    );
  });
});

describe("a batch that is stopped", () => {
  const jobs = async () => [
    { model: BERT, name: "done" },
    { model: "nowhere/at/all", name: "bad" },
    { model: await largeModel(), name: "large" },
    { model: ROBERTA, name: "late" },
  ];

  test("by SIGKILL, with its jobs or without: what was done is skipped, what was not is done, nothing is left over", async () => {
    const { cwd, start, report, outputs } = await workplace(await jobs());
    for (const withJobs of [false, true]) {
      const running = start();
      await untilWriting(cwd);
      // Held still, it cannot clean up behind its jobs either.
      running.kill("SIGSTOP");
      for (const pid of withJobs ? childrenOf(running) : []) process.kill(pid, "SIGKILL");
      running.kill("SIGKILL");
      await once(running, "close");
      expect(existsSync(join(cwd, "out", "large"))).toBe(false);
      const isLeft = () => outputs().some((name) => name.startsWith("large.partial-"));
      if (withJobs) expect(isLeft()).toBe(true);
      // A job whose batch is no more tidies up itself.
      else await expect.poll(isLeft, { timeout: PATIENCE }).toBe(false);
    }
    const { code, statuses } = await report();
    expect(code).toBe(1);
    expect(statuses).toEqual(["done unchanged", "bad failed", "large converted", "late converted"]);
    expect(outputs()).toEqual(["done", "large", "late"]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "by %s: its jobs end, targets stay as they were, and it says what was done",
    async (signal, exitCode) => {
      const { cwd, start, outputs } = await workplace(await jobs());
      await cp(BERT, join(cwd, "out", "large"), { recursive: true });
      const running = start("--force");
      let stdout = "";
      running.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      await untilWriting(cwd);
      while (outputs().some((name) => name.startsWith("done.partial"))) await sleep(2);
      await untilWriting(cwd);
      running.kill(signal);
      const [code] = await once(running, "close");
      expect(code).toBe(exitCode);
      expect(outputs()).toEqual(["done", "large"]);
      expect(readdirSync(join(cwd, "out", "large"))).not.toContain("lsg_conversion.json");
      expect(stdout).toMatch(/4 jobs: 1 converted, 1 FAILED, 1 stopped, 1 not run in /);
    },
  );

  test("a job whose process is killed fails alone", async () => {
    const { cwd, start, outputs } = await workplace(await jobs());
    const running = start("--json", "--quiet");
    let stdout = "";
    running.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    await untilWriting(cwd);
    for (const pid of childrenOf(running)) process.kill(pid, "SIGKILL");
    const [code] = await once(running, "close");
    const { jobs: results }: BatchReport = JSON.parse(stdout);
    expect([code, results.map(({ status }) => status)]).toEqual([
      1,
      ["converted", "failed", "failed", "converted"],
    ]);
    expect(results[2]?.error).toMatchObject({
      message: expect.stringMatching(/was ended by SIGKILL/),
      remedy: expect.stringMatching(/memory.*--jobs/),
    });
    expect(outputs()).toEqual(["done", "late"]);
  });
});
