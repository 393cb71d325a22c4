import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { VerificationReportSchema } from "../../src/verify/report/report-schema.js";
import { type CliResult, LSG, lsg } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { PATIENCE } from "../support/patience.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { branch, setUpPush, TOKEN, uploads, writeFolder } from "./support.js";

const hub = setUpPush();
const FLAGS = ["--max-sequence-length", "96", "--device", "cpu"];

/** A folder to work in, with a model called `original`. */
let cwd = "";
beforeEach(async () => {
  cwd = await temporaryFolder();
  writeSmallBert(join(cwd, "original"));
});

/** Runs `lsg`, which must not say the token, whatever happens. */
async function run(...args: string[]): Promise<CliResult> {
  const result = await lsg(args, { cwd });
  expect(result.stdout + result.stderr).not.toContain(TOKEN);
  return result;
}

/** Converts without a proof. */
const convertHere = () =>
  convert(
    join(cwd, "original"),
    join(cwd, "out"),
    parseConvertOptions({ maxSequenceLength: 96, device: "cpu" }),
  );

const isUntouched = () => hub.server.requests.every(({ method }) => method === "GET");

describe("lsg convert --push-to", () => {
  it("proves and pushes, by one proof", async () => {
    const args = ["convert", "original", "out", ...FLAGS, "--push-to", "me/long"];
    const { code, stdout, stderr } = await run(...args, "--private", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const { written, verification, push } = JSON.parse(stdout);
    expect([written, verification.verdict]).toEqual([true, "sound"]);
    expect(push).toMatchObject({ repo: "me/long", pushed: true, created: true, verified: "now" });
    const files = branch(hub, "me/long");
    for (const file of readdirSync(join(cwd, "out"))) {
      const content = readFileSync(join(cwd, "out", file), "latin1");
      expect(content).not.toContain(TOKEN);
      if (file !== "README.md") expect(Buffer.from(files[file] ?? "").toString("latin1")).toBe(content);
    }
    expect(String(files["README.md"])).toMatch(/## Verified[\s\S]*from_pretrained\("me\/long"/);
    // What another process said of a folder is not believed.
    const again = await run("push", "out", "me/other", "--device", "cpu", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({
      ...{ pushed: true, verified: "now" },
      verification: { verdict: "sound" },
    });
  });

  it("finds out before it converts that it cannot push", async () => {
    hub.server.faults.requiredToken = "hf_another";
    const { code, stderr } = await run("convert", "original", "out", ...FLAGS, "--push-to", "me/long");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/does not accept the access token[\s\S]*settings\/tokens/),
    ]);
    expect(readdirSync(cwd)).toEqual(["original"]);
  });

  it("keeps the folder when the push fails, and says how to go on", async () => {
    hub.server.faults.readOnly = true;
    const args = ["convert", "original", "out", ...FLAGS, "--no-verify", "--push-to", "me/long"];
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /HTTP 403[\s\S]*out is converted all the same; lsg push out me\/long tries again\.$/m,
    );
    expect(readdirSync(cwd).sort()).toEqual(["original", "out"]);
  });
});

describe("lsg push", () => {
  it("proves the folder first, against the original that it names", async () => {
    await convertHere();
    const moved = join(cwd, "elsewhere", "moved");
    const { mkdir, rename } = await import("node:fs/promises");
    await mkdir(join(cwd, "elsewhere"));
    await rename(join(cwd, "original"), moved);
    const blind = await run("push", "out", "me/long", "--device", "cpu", "--json");
    expect([blind.code, blind.stderr]).toEqual([
      1,
      "lsg: nothing was pushed (--no-verify pushes it as it is)\n",
    ]);
    const { pushed, verification } = JSON.parse(blind.stdout);
    expect([pushed, VerificationReportSchema.parse(verification)]).toMatchObject([
      false,
      { verdict: "not_compared", summary: expect.stringMatching(/nothing was compared with the original/) },
    ]);
    expect(isUntouched()).toBe(true);
    const proven = await run("push", "out", "me/long", "--device", "cpu", "--against", moved);
    expect([proven.code, proven.stdout]).toEqual([0, ""]);
    const lines = proven.stderr.trim().split("\n");
    expect(lines.slice(-2)).toEqual([
      `Pushed to ${hub.server.endpoint}/me/long`,
      expect.stringMatching(/^ {2}\d+ files in commit \w{8}$/),
    ]);
    expect(proven.stderr.includes("\r") || proven.stderr.includes("\u001b")).toBe(false); // lines, for logs
  });

  it("--no-verify pushes any folder, and says that nothing was verified", async () => {
    const folder = await writeFolder();
    const { code, stderr } = await run("push", folder, "me/any", "--no-verify");
    expect([code, stderr]).toEqual([0, expect.stringMatching(/Nothing was verified\.\n$/)]);
    expect(stderr.split("\n").length).toBeLessThan(10);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGKILL", null],
  ] as const)("%s in the middle: the next run sends what is missing", async (signal, exit) => {
    const folder = await writeFolder();
    hub.server.faults.stallUpload = /^\/upload/;
    const child = spawn(process.execPath, [LSG, "push", folder, "me/any", "--no-verify"], { cwd });
    await expect.poll(() => uploads(hub).length, { timeout: PATIENCE }).toBe(3);
    child.kill(signal);
    expect((await once(child, "close"))[0]).toBe(exit);
    delete hub.server.faults.stallUpload;
    expect(Object.keys(branch(hub, "me/any"))).toEqual([".gitattributes"]);
    expect((await run("push", folder, "me/any", "--no-verify", "--quiet")).stderr).toBe("");
    expect(Object.keys(branch(hub, "me/any"))).toContain("model.safetensors");
  });
});
