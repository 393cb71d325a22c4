import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { convert, exportOnnx, inspect, type LsgEvent, predict, verify } from "../../src/index.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeTinyModel } from "../support/tiny-model.js";

const run = promisify(execFile);

describe("the example in docs/library.md", () => {
  test("runs as it stands", async () => {
    const [, code] = /```js\n(.*?)```/s.exec(readFileSync("docs/library.md", "utf8")) ?? [];
    if (code === undefined) throw new Error("there is no example");
    const output = join(await temporaryFolder(), "shakespeare-long");
    const source = code.replace('"shakespeare-long"', JSON.stringify(output));
    // In the package's own folder "lsg-convert" is the package.
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", source]);
    expect(stdout).toContain("shakespeare-long reads 4096 tokens\n");
    expect(stdout).toContain("at 64 tokens it computes what the original computes");
    expect(await readdir(join(output, "onnx"))).toEqual(["model.onnx"]);
  });
});

describe("convert", () => {
  test("takes options in camelCase, LSG's own too, and tells events", async () => {
    const output = join(await temporaryFolder(), "out");
    const events: LsgEvent[] = [];
    const { plan } = await convert(await writeTinyModel(), {
      output,
      maxSequenceLength: 32,
      blockSize: 4,
      runTest: true,
      onEvent: (event) => events.push(event),
    });
    const config = JSON.parse(readFileSync(join(output, "config.json"), "utf8"));
    expect([config.block_size, plan.record.max_sequence_length.to]).toEqual([4, 32]);
    const bytes = events.filter((event) => event.type === "bytes").at(-1);
    expect(bytes).toMatchObject({ text: "Writing", done: bytes?.total });
    expect(events.filter((event) => event.type === "check").map(({ check }) => check.verdict)).not.toContain(
      "fail",
    );
  });

  test("refuses what is no option, and writes nothing", async () => {
    const output = join(await temporaryFolder(), "out");
    const misspelt = { output, maxSequenceLenght: 32 };
    await expect(convert(await writeTinyModel(), misspelt)).rejects.toMatchObject({
      name: "OptionError",
      message: 'unknown option "maxSequenceLenght"',
      remedy: expect.stringContaining("maxSequenceLength"),
      exitCode: 2,
    });
    expect(existsSync(output)).toBe(false);
  });

  test("ends when aborted, with the signal's reason", async () => {
    const output = join(await temporaryFolder(), "out");
    const reason = new Error("enough");
    const call = convert(await writeTinyModel(), { output, signal: AbortSignal.abort(reason) });
    await expect(call).rejects.toBe(reason);
    expect(existsSync(output)).toBe(false);
  });
});

test("exportOnnx and verify go by the same options", async () => {
  const output = join(await temporaryFolder(), "out");
  await convert(await writeTinyModel(), { output, maxSequenceLength: 32 });
  const { files, attention } = await exportOnnx(output, { onnxWeights: "embedded" });
  expect([files, attention]).toEqual([["onnx/model.onnx"], "lsg"]);
  const report = await verify(output, { lengths: [8, 20] });
  expect([report.verdict, report.lengths]).toEqual(["not_compared", [8, 20]]);
  await expect(verify(output, { lengths: [0] })).rejects.toThrow("--lengths [0]: must be above 0");
});

test("inspect tells what a conversion with its options would do", async () => {
  const { conversion, attention } = await inspect(await writeTinyModel(), {
    maxSequenceLength: 40,
    blockSize: 5,
  });
  expect(attention).toBe("full");
  expect(conversion).toMatchObject({ max_sequence_length: { to: 40 }, config: { set: { block_size: 5 } } });
});

describe("predict", () => {
  test("gives a prediction of each document, in their order", async () => {
    const found: string[] = [];
    const documents = ["Paris est", { kind: "text", text: "a", pair: "b" } as const];
    for await (const prediction of predict("fixtures/camembert/checkpoint", documents, { device: "cpu" })) {
      if (prediction.kind === "classes") found.push(prediction.labels[0]?.label ?? "");
      expect(prediction.read).toBe(prediction.tokens);
    }
    expect(found).toEqual(["positif", "positif"]);
  });

  test("refuses options of files", async () => {
    const misplaced = { device: "cpu", output: "x.jsonl" } as const;
    const reading = predict("fixtures/camembert/checkpoint", [], misplaced).next();
    await expect(reading).rejects.toThrow('unknown option "output"');
  });
});
