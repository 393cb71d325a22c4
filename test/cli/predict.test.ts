import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type CliResult, LSG, lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";

const CLASSIFIER = join(FIXTURES, "camembert/checkpoint");
const CPU = ["--device", "cpu"];

test("a CSV becomes a line of JSON for each row, in order; people are told on stderr", async () => {
  const folder = await temporaryFolder();
  const data = join(folder, "data.csv");
  await writeFile(data, `id,text,label\n7,"Paris,\nest",2\n8,${"the and ".repeat(400)},0\n`);
  const { code, stdout, stderr } = await lsg(["predict", CLASSIFIER, data, ...CPU]);
  expect(code).toBe(0);
  const records = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const labels = ["neutre", "négatif", "positif"];
  expect(records).toEqual([
    {
      line: 2,
      id: "7",
      label: expect.any(String),
      score: expect.any(Number),
      scores: expect.any(Object),
      tokens: expect.any(Number),
    },
    expect.objectContaining({ line: 4, id: "8", read: 512 }),
  ]);
  expect(Object.keys(records[0].scores).sort()).toEqual(labels);
  expect(stderr).toBe(
    "2 documents\n1 longer than the 512 tokens that the model reads: the rest was not read (--reading windows reads all of it)\n",
  );
  const json = await lsg(["predict", CLASSIFIER, data, ...CPU, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    kind: "classes",
    documents: 2,
    cut: 1,
    max_length: 512,
    predictions: records,
  });
  const output = join(folder, "out.jsonl");
  await lsg(["predict", CLASSIFIER, data, ...CPU, "--output", output, "--quiet"]);
  expect(readFileSync(output, "utf8")).toBe(stdout);
});

test("what stands on stdin is read, also where that ends within a line", async () => {
  const { code, stdout } = await piped([], '{"text":"a"}\n{"text":"b"}');
  expect([code, stdout.split("\n").length]).toEqual([0, 3]);
  expect(await piped([], "")).toMatchObject({ code: 0, stdout: "", stderr: "0 documents\n" });
});

test("a bad line ends it with 2, and what stands before it is answered", async () => {
  const { code, stdout, stderr } = await piped([], '{"text":"a"}\n{"text":"b"}\n{"te');
  expect([code, stdout.trimEnd().split("\n").length]).toEqual([2, 2]);
  expect(stderr).toContain("stdin, line 3 is not JSON");
});

test("it ends where nobody reads on", async () => {
  const child = spawn(process.execPath, [LSG, "predict", CLASSIFIER, "-", ...CPU], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {});
  const more = () => child.stdin.write('{"text":"the and of"}\n'.repeat(2000));
  child.stdin.on("drain", more);
  more();
  child.stdout.once("data", () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.once("exit", resolve));
  expect(code).toBe(0);
});

test("embeddings go into a file of numpy's, whole or not at all", async () => {
  const folder = await temporaryFolder();
  const [data, output] = [join(folder, "data.txt"), join(folder, "e.npy")];
  const model = join(FIXTURES, "sentence-transformers/modern");
  await writeFile(data, "the and of\n\nParis\n");
  const { code } = await lsg(["predict", model, data, ...CPU, "--output", output]);
  const bytes = readFileSync(output);
  expect(code).toBe(0);
  expect(bytes.subarray(0, 10).toString("hex")).toBe("934e554d505901007600");
  expect(bytes.subarray(10, 128).toString("latin1")).toMatch(
    /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 10\), \} *\n$/,
  );
  expect(bytes.length).toBe(128 + 2 * 10 * 4);
  const { stdout } = await lsg(["predict", model, data, ...CPU]);
  const embeddings = stdout
    .trimEnd()
    .split("\n")
    .flatMap((line) => JSON.parse(line).embedding);
  expect(embeddings.map(Math.fround)).toEqual([
    ...new Float32Array(new Uint8Array(bytes.subarray(128)).buffer),
  ]);

  await writeFile(data, Buffer.from([0x61, 0x0a, 0xff, 0x0a]));
  const other = join(folder, "other.npy");
  expect((await lsg(["predict", model, data, ...CPU, "--output", other])).code).toBe(2);
  const refused = await lsg(["predict", CLASSIFIER, data, ...CPU, "--output", other]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("no vector for each document")]);
  expect(readdirSync(folder).sort()).toEqual(["data.txt", "e.npy"]);
});

/** Runs `lsg predict` on a text on stdin. */
async function piped(args: readonly string[], input: string): Promise<CliResult> {
  const child = spawn(process.execPath, [LSG, "predict", CLASSIFIER, "-", ...CPU, ...args]);
  child.stdin.end(input);
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].on("data", (chunk) => {
      texts[stream] += chunk;
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...texts };
}
