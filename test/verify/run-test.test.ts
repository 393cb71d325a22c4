import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { openFolder } from "../../src/checkpoint/folder.js";
import { convert } from "../../src/commands/convert.js";
import { openRunTest } from "../../src/commands/run-test.js";
import { openModel } from "../../src/model/open.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { VerificationReportSchema } from "../../src/verify/report/report-schema.js";
import { VerificationError } from "../../src/verify/verification-error.js";
import { LSG, lsg } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { PATIENCE } from "../support/patience.js";
import { flipBit, put, set } from "./damage.js";
import { writeSmallBert } from "./small-bert.js";
import { failing } from "./support.js";

const GIVEN = { maxSequenceLength: 96, runTest: true, device: "cpu" };
const FLAGS = ["--max-sequence-length", "96", "--run-test", "--device", "cpu"];

/** A source, and beside it an empty folder to convert into. */
async function places() {
  const root = await temporaryFolder();
  const parent = join(root, "results");
  mkdirSync(parent);
  return { source: writeSmallBert(join(root, "original")), parent, output: join(parent, "out") };
}

/** The folder that a conversion is writing. */
function partialIn(parent: string): string | undefined {
  const name = readdirSync(parent).find((entry) => entry.includes(".partial-"));
  return name === undefined ? undefined : join(parent, name, "new", "out");
}

/** Waits until a conversion has written its graph, and gives the folder. */
async function withGraph(parent: string): Promise<string> {
  return vi.waitUntil(
    () => {
      const folder = partialIn(parent);
      return folder !== undefined && existsSync(join(folder, "onnx", "model.onnx")) && folder;
    },
    { interval: 1, timeout: PATIENCE },
  );
}

/** Converts, and damages the folder when its verification begins. */
function convertDamaged(source: string, parent: string, given = {}) {
  const onHead = () => flipBit("model.safetensors", -1)(partialIn(parent) ?? "");
  const options = parseConvertOptions({ ...GIVEN, ...given });
  return convert(source, join(parent, "out"), options, { listener: { onHead } }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a conversion that proves itself", () => {
  test("exit code 0, the folder there, the verdict last on stderr", async () => {
    const { source, output } = await places();
    const { code, stdout, stderr } = await lsg(["convert", source, output, ...FLAGS]);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr.trim().split("\n\n").at(-1)).toMatch(/^sound {2}.* is sound: /);
    expect(JSON.parse(readFileSync(join(output, "lsg_conversion.json"), "utf8")).options.run_test).toBe(true);
    expect(readFileSync(join(output, "README.md"), "utf8")).toMatch(/`lsg verify` finds out again/);
  });

  test("--json: plan and verification in one document", async () => {
    const { source, output } = await places();
    const { code, stdout, stderr } = await lsg(["convert", source, output, ...FLAGS, "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { written, plan, verification } = JSON.parse(stdout);
    expect(written).toBe(true);
    expect(plan.record.promise).toEqual({ lossless_up_to: 32, hidden_states_up_to: 32 });
    expect(VerificationReportSchema.parse(verification)).toMatchObject({
      verdict: "sound",
      converted: output,
    });
  });

  test("its folder holds the same bytes each time", async () => {
    const { source, parent } = await places();
    const bytes = async (name: string) => {
      const output = join(parent, name);
      await convert(source, output, parseConvertOptions(GIVEN));
      return readdirSync(output).map((file) => [file, readFileSync(join(output, file), "latin1")]);
    };
    expect(await bytes("one")).toEqual(await bytes("two"));
  });
});

describe("a conversion whose verification fails", () => {
  test("is an error that holds the report; nothing is left", async () => {
    const { source, parent } = await places();
    const error = await convertDamaged(source, parent);
    expect(error).toBeInstanceOf(VerificationError);
    const { report, exitCode } = error as VerificationError;
    expect(exitCode).toBe(1);
    expect(failing(report.checks)[0]).toBe("weights");
    expect(report.converted).toBe(join(parent, "out"));
    expect(readdirSync(parent)).toEqual([]);
  });

  test("keeps the folder that --force was to replace", async () => {
    const { source, parent, output } = await places();
    mkdirSync(output);
    put("config.json", "the old one")(output);
    const error = await convertDamaged(source, parent, { force: true });
    expect(error).toBeInstanceOf(VerificationError);
    expect(readdirSync(parent)).toEqual(["out"]);
    expect(readdirSync(output)).toEqual(["config.json"]);
    expect(readFileSync(join(output, "config.json"), "utf8")).toBe("the old one");
  });

  test.each([[[]], [["--json"]]])("exit code 1 %s", async (more) => {
    const { source, parent, output } = await places();
    const run = lsg(["convert", source, output, ...FLAGS, "--onnx", ...more]);
    flipBit("onnx/model.onnx", -1)(await withGraph(parent));
    const { code, stdout, stderr } = await run;
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/lsg: nothing was written/);
    if (more.length > 0) {
      const { written, verification } = JSON.parse(stdout);
      expect(written).toBe(false);
      expect(VerificationReportSchema.parse(verification).verdict).toBe("falls_short");
    } else {
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^FAIL {2}onnx\/model\.onnx, bytes/im);
    }
    expect(readdirSync(parent)).toEqual([]);
  });

  test("openRunTest finds what was damaged before", async () => {
    const { source, output } = await places();
    await convert(source, output, parseConvertOptions({ ...GIVEN, runTest: false }));
    set("config.json", "block_size", 8)(output);
    const original = openModel(await openFolder(source));
    const context = { original, isSealed: false, signal: undefined, listener: undefined };
    const runTest = await openRunTest({ ...parseConvertOptions(GIVEN), ...context });
    const run = runTest(await openFolder(output), "its name");
    await expect(run).rejects.toThrow(/its name was not written: its name is NOT what it claims to be/);
  });
});

describe("a conversion that is stopped while it is verified", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s: no folder, no partial one, no temporary files", async (signal, exitCode) => {
    const { source, parent, output } = await places();
    const scratch = await temporaryFolder();
    const env = { ...process.env, TMPDIR: scratch, TEMP: scratch };
    const child = spawn(process.execPath, [LSG, "convert", source, output, ...FLAGS], { env });
    let told = "";
    child.stderr.on("data", (chunk) => {
      told += chunk;
    });
    // The first line of the model's own checks: its graphs lie in temporary files.
    await vi.waitUntil(() => told.includes("attention op"), { interval: 1, timeout: PATIENCE });
    child.kill(signal);
    const [code] = await once(child, "close");
    expect(code, told).toBe(exitCode);
    expect(told).toMatch(new RegExp(`stopped by ${signal}; nothing was changed`));
    expect(readdirSync(parent)).toEqual([]);
    expect(readdirSync(scratch).filter((name) => name.startsWith("lsg-"))).toEqual([]);
  });
});

test("a device that is absent is refused before anything is written", async () => {
  const { source, parent, output } = await places();
  const absent = process.platform === "darwin" ? "dml" : "coreml";
  const run = convert(source, output, parseConvertOptions({ ...GIVEN, device: absent }));
  await expect(run).rejects.toThrow(new RegExp(absent, "i"));
  expect(readdirSync(parent)).toEqual([]);
});
