import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { LSG, lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { largeModel } from "../support/large-model.js";

const SOURCE = join(FIXTURES, "roberta", "checkpoint");

describe("lsg", () => {
  test.each([["--help"], ["convert", "--help"], ["help", "convert"], ["--version"], []])(
    "%s explains itself",
    async (...args) => {
      const { code, stdout, stderr } = await lsg(args);
      expect([code, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/Usage: lsg|^\d+\.\d+\.\d+/);
    },
  );

  test.each([
    ["fly"],
    ["--fly"],
    ["convert"],
    ["convert", "a", "b", "c"],
    ["convert", "a", "--fly"],
    ["convert", "a", "--seed"],
  ])("%s is a wrong command: exit code 2, and nothing on stdout", async (...args) => {
    const { code, stdout, stderr } = await lsg(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^lsg: .+\n {5}See/);
  });

  test("a reader that closes the pipe early is no error", async () => {
    const child = spawn(process.execPath, [LSG, "architectures"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    const errors: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    expect([await once(child, "close"), Buffer.concat(errors).toString()]).toEqual([[0, null], ""]);
  });

  test("nor is one that closes what is said beside the result", async () => {
    const args = [LSG, "convert", SOURCE, "unwritten", "--dry-run"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    child.stderr.destroy();
    const plan: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => plan.push(chunk));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(JSON.parse(Buffer.concat(plan).toString())).toMatchObject({ written: false });
  });

  test("architectures lists model types, classes and variants", async () => {
    const { stdout } = await lsg(["architectures", "--json"]);
    const listed = JSON.parse(stdout);
    expect(listed.map(({ model_type }: { model_type: string }) => model_type)).toEqual(
      expect.arrayContaining([
        "albert",
        "bert",
        "camembert",
        "distilbert",
        "electra",
        "roberta",
        "xlm-roberta",
      ]),
    );
    expect(listed[0].classes).toContain("AlbertForMaskedLM");
  });
});

describe("lsg convert", () => {
  test("--help says what the folder is called without an output, whatever the variant", async () => {
    const { stdout } = await lsg(["convert", "--help"]);
    expect(stdout.replace(/\s+/g, " ")).toContain("(default: ./NAME-VARIANT-LENGTH, e.g. ./NAME-lsg-4096)");
  });

  test("--no-pass-global-tokens-to-decoder and its like take a key of a preset away", async () => {
    const source = join(FIXTURES, "bart", "checkpoint");
    const flags = ["--preset", "reference", "--no-pass-global-tokens-to-decoder", "--no-adaptive"];
    const { code, stdout } = await lsg(["convert", source, "--dry-run", ...flags]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).plan.config.set).toMatchObject({
      adaptive: false,
      pass_global_tokens_to_decoder: false,
    });
  });

  test("--json prints one document on stdout and nothing else", async () => {
    const output = join(await temporaryFolder(), "out");
    const { code, stdout, stderr } = await lsg(["convert", SOURCE, output, "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      output,
      written: true,
      plan: { record: { model_type: "roberta" } },
    });
  });

  test("--json prints an error as a document too", async () => {
    const { code, stdout } = await lsg(["convert", "/nowhere/at/all", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error.message).toMatch(/no folder/);
  });

  test("--dry-run prints the plan and writes nothing", async () => {
    const cwd = await temporaryFolder();
    const { code, stdout } = await lsg(["convert", SOURCE, "--dry-run"], { cwd });
    expect(code).toBe(0);
    const { plan, written } = JSON.parse(stdout);
    expect(written).toBe(false);
    expect(plan.shards[0].tensors["roberta.embeddings.position_embeddings.weight"].shape).toEqual([4098, 32]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("without an output it writes ./NAME-lsg-LENGTH", async () => {
    const cwd = await temporaryFolder();
    const { code } = await lsg(["convert", SOURCE, "--max-sequence-length", "1000"], { cwd });
    expect(code).toBe(0);
    expect(readdirSync(cwd)).toEqual(["checkpoint-lsg-1000"]);
  });

  test("lsg-converter's own command line gives its own defaults", async () => {
    const output = join(await temporaryFolder(), "out");
    const kwargs = "{'mask_first_token': true, 'sparsity_type': 'lsh', 'block_size': 32}";
    const { code, stderr } = await lsg([
      ...["--initial_model", SOURCE, "--model_name", output, "--model_kwargs", kwargs],
      ...[
        "--architecture",
        "RobertaForSequenceClassification",
        "--max_sequence_length",
        "1024",
        "--use_token_ids",
        "False",
      ],
    ]);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(readFileSync(join(output, "config.json"), "utf8"))).toMatchObject({
      architectures: ["LSGRobertaForSequenceClassification"],
      block_size: 32,
      first_token_is_global: false,
      mask_first_token: true,
      max_position_embeddings: 1026,
      sparse_block_size: 128,
      sparsity_type: "lsh",
    });
    expect(JSON.parse(readFileSync(join(output, "lsg_conversion.json"), "utf8")).options).toMatchObject({
      preset: "reference",
      use_token_ids: false,
    });
  });

  test.each([["convert"], []])("a file of the reference's arguments works alone (%s)", async (...verb) => {
    const folder = await temporaryFolder();
    const output = join(folder, "out");
    const file = join(folder, "arguments.json");
    await writeFile(
      file,
      JSON.stringify({
        initial_model: SOURCE,
        model_name: output,
        max_sequence_length: 700,
        run_test: false,
        resize_lsg: false,
      }),
    );
    const { code, stderr } = await lsg([...verb, file]);
    expect(code, stderr).toBe(0);
    expect(readdirSync(output)).toContain("model.safetensors");
  });
});

describe("an interrupted run", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGKILL", null],
  ] as const)("%s leaves the target as it was, and the next run works", async (signal, exitCode) => {
    const source = await largeModel();
    const parent = await temporaryFolder();
    const output = join(parent, "out");
    await mkdir(output);
    await writeFile(join(output, "config.json"), "the old one");
    const child = spawn(process.execPath, [LSG, "convert", source, output, "--force", "--quiet"]);
    while (!readdirSync(parent).some((name) => name.includes(".partial-"))) await sleep(2);
    child.kill(signal);
    const [code] = await once(child, "close");
    expect(code).toBe(exitCode);
    expect(readdirSync(output)).toEqual(["config.json"]);
    expect(readFileSync(join(output, "config.json"), "utf8")).toBe("the old one");
    if (signal !== "SIGKILL") expect(readdirSync(parent)).toEqual(["out"]);

    const next = await lsg(["convert", SOURCE, output, "--force", "--quiet"]);
    expect(next.code, next.stderr).toBe(0);
    expect(readdirSync(output)).toContain("model.safetensors");
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s leaves a folder that is being filled empty", async (signal, exitCode) => {
    const source = await largeModel();
    const cwd = await temporaryFolder();
    const child = spawn(process.execPath, [LSG, "convert", source, ".", "--quiet"], { cwd });
    while (!readdirSync(cwd).includes(".lsg-partial")) await sleep(2);
    child.kill(signal);
    const [code] = await once(child, "close");
    expect([code, readdirSync(cwd)]).toEqual([exitCode, []]);
  });

  test("two runs at the same target do not mix: one wins, the other says so", async () => {
    const output = join(await temporaryFolder(), "out");
    const runs = await Promise.all([
      lsg(["convert", SOURCE, output]),
      lsg(["convert", join(FIXTURES, "bert", "checkpoint"), output]),
    ]);
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 2]);
    const { model_type } = JSON.parse(readFileSync(join(output, "config.json"), "utf8"));
    expect(model_type).toBe(runs[0]?.code === 0 ? "roberta" : "bert");
  });
});
