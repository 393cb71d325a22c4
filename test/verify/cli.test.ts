import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { VerificationReportSchema } from "../../src/verify/report/report-schema.js";
import { lsg } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { flipBit, put, remove, set } from "./damage.js";
import { convertedSmallBert } from "./support.js";

const small = convertedSmallBert();

/** No machine has both: Apple's and Microsoft's. */
const ABSENT = process.platform === "darwin" ? "dml" : "coreml";

const verify = (folder: string, ...flags: string[]) =>
  lsg(["verify", folder, "--device", "cpu", "--lengths", "5,96", ...flags]);

describe("a sound folder", () => {
  test.concurrent("exit code 0, a line for each check, the verdict last", async () => {
    const { code, stdout, stderr } = await verify(small.folder);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^pass {2}tensors +27 tensors/m);
    expect(stdout.trim().split("\n\n").at(-1)).toMatch(/^sound {2}.* is sound: every weight and file/s);
  });

  test.concurrent("--json: one document of the schema; --report: a page", async () => {
    const page = join(dirname(small.folder), "report.html");
    const { code, stdout, stderr } = await verify(small.folder, "--json", "--report", page);
    expect([code, stderr]).toEqual([0, ""]);
    const report = VerificationReportSchema.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ verdict: "sound", original: "original", lossless_up_to: 32 });
    expect(readFileSync(page, "utf8")).toMatch(/^<!doctype html>.*is sound.*<\/html>\s*$/is);
  });

  test.concurrent("--quiet: the verdict in a sentence", async () => {
    const { code, stdout, stderr } = await verify(small.folder, "--quiet");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^[^\n]* is sound: [^\n]*\n$/);
  });
});

describe("a damaged folder", () => {
  test("exit code 1, what is wrong with it, the report written all the same", async () => {
    const folder = await small.copy();
    set("config.json", "layer_norm_eps", 1e-5)(folder);
    const page = `${folder}.md`;
    const { code, stdout, stderr } = await verify(folder, "--against", small.source, "--report", page);
    expect(code, stderr).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}config\.json.*layer_norm_eps is/ims);
    expect(stdout.trim().split("\n\n").at(-1)).toMatch(/NOT what it claims to be/);
    const text = readFileSync(page, "utf8");
    expect(text).toMatch(/^# /);
    expect(text).toContain("layer_norm_eps");
    expect(text).toContain("NOT what it claims to be");
  });

  test("--json: one document, verdict fail, numbers that JSON does not know kept", async () => {
    const folder = await small.copy();
    flipBit("model.safetensors", -1)(folder);
    const { code, stdout } = await verify(folder, "--against", small.source, "--json");
    expect(code).toBe(1);
    const { verdict, checks } = VerificationReportSchema.parse(JSON.parse(stdout));
    expect(verdict).toBe("falls_short");
    expect(checks.find(({ id }) => id === "weights")?.findings?.[0]).toMatch(/cls\.predictions\.bias/);
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    ["without config.json", remove("config.json"), /has no config\.json/],
    ["without weights", remove("model.safetensors"), /has no weights/],
    ["whose weights are no safetensors file", put("model.safetensors", "x"), /model\.safetensors/],
  ])("that cannot be loaded, %s: exit code 1", async (_, damage, says) => {
    const folder = await small.copy();
    damage(folder);
    const { code, stdout, stderr } = await verify(folder, "--against", small.source);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout.replace(/\s+/g, " ")).toMatch(says);
  });
});

describe("a command that cannot be carried out: exit code 2, and no verdict", () => {
  test.concurrent.each<[string, string[], RegExp]>([
    ["no folder named", [], /missing argument 'converted'/],
    ["no such folder", ["./nowhere"], /there is no folder \.\/nowhere/],
    ["a device that is absent", ["FOLDER", "--device", ABSENT], new RegExp(ABSENT, "i")],
    ["a device that does not exist", ["FOLDER", "--device", "tpu"], /--device "tpu": expected one of auto/],
    ["a length that is none", ["FOLDER", "--lengths", "5,many"], /--lengths/],
    ["a length of no tokens", ["FOLDER", "--lengths", "0"], /--lengths/],
    [
      "a length that the model cannot read",
      ["FOLDER", "--lengths", "97"],
      /--lengths 97: the model reads 96/,
    ],
    ["no such original", ["FOLDER", "--against", "./nowhere"], /there is no folder \.\/nowhere/],
    ["an original that is no model", ["FOLDER", "--against", "PARENT"], /has no config\.json/],
    ["an original that is a file", ["FOLDER", "--against", "FOLDER/model.safetensors"], /is a file/],
    ["a report of another kind", ["FOLDER", "--report", "report.pdf"], /\.md or \.html/],
    ["a report in a folder that is not there", ["FOLDER", "--report", "./nowhere/report.md"], /nowhere/],
    ["a flag that does not exist", ["FOLDER", "--fast"], /--fast/],
  ])("%s", async (_, flags, says) => {
    const args = flags.map((flag) =>
      flag.replace("FOLDER", small.folder).replace("PARENT", dirname(small.folder)),
    );
    const { code, stdout, stderr } = await lsg(["verify", "--quiet", "--device", "cpu", ...args]);
    expect(code, stdout + stderr).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(says);
  });

  test("--json says it as JSON", async () => {
    const { code, stdout } = await lsg(["verify", "./nowhere", "--device", "cpu", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error.message).toMatch(/there is no folder/);
  });
});

test("an original that the record names and that is damaged is no fault of the folder's", async () => {
  const folder = await small.copy();
  const beside = join(folder, "..", "original");
  mkdirSync(beside);
  cpSync(small.source, beside, { recursive: true });
  writeFileSync(join(beside, "model.safetensors"), "x");
  const { code, stdout, stderr } = await verify(folder, "--quiet");
  expect([code, stderr]).toEqual([1, ""]);
  expect(stdout).toMatch(/is not compared: nothing was compared with the original/);
});

test("a Longformer's original has another model type, and is found beside it all the same", async () => {
  const home = await temporaryFolder();
  const [source, output] = [join(home, "source"), join(home, "out")];
  cpSync(small.source, source, { recursive: true });
  await convert(source, output, parseConvertOptions({ to: "longformer" }));
  const { code, stdout } = await verify(output, "--quiet", "--lengths", "5");
  expect(code).toBe(0);
  expect(stdout).toMatch(/it computes what the original computes/);
});

test("--list-devices needs no folder", async () => {
  const { code, stdout } = await lsg(["verify", "--list-devices"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^cpu\b/m);
});
