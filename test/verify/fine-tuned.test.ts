import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { flipBit, remove, set } from "./damage.js";
import { convertedSmallBert, failing, textOf, verdictOf } from "./support.js";
import { type Training, train } from "./trained.js";

const small = convertedSmallBert();

async function trained(training: Training): Promise<string> {
  return train(small.folder, join(await temporaryFolder(), "trained"), training);
}

const command = (folder: string, ...flags: string[]) =>
  lsg(["verify", folder, "--device", "cpu", "--lengths", "5,32,96", "--quiet", ...flags]);

describe.each(["4.57.6", "5.23.0"] as const)("what a Trainer of transformers %s leaves", (version) => {
  test("is fine-tuned since: what needs no original is proven, and it says what is not known", async () => {
    const { checks, verdict, summary, ...report } = await verdictOf(await trained({ version }));
    expect([verdict, failing(checks)]).toEqual(["fine_tuned_since", []]);
    expect(summary).toMatch(/fine-tuned since: nothing is compared with the source.* at 5, 32, 96 tokens/);
    expect(report).toMatchObject({ original: null, architecture: "LSGBertForSequenceClassification" });
    const passed = checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id);
    expect(passed).toEqual(expect.arrayContaining(["model", "attention-op", "sweep", "reach"]));
    expect(textOf(checks, "record")).toMatch(/there is no lsg_conversion\.json/);
    // The last texts were cut there: a wish of whoever trained it, and stated.
    expect(checks.find(({ id }) => id === "length")).toMatchObject({ verdict: "stated" });
    expect(textOf(checks, "length")).toMatch(/96 tokens[\s\S]*tokenizer\.json: truncation\.max_length is 24/);
  });
});

test("exit code 1, and 0 where no comparison was asked for", async () => {
  const folder = await trained({ version: "5.23.0" });
  const asked = await command(folder);
  expect([asked.code, asked.stdout]).toEqual([1, expect.stringMatching(/is fine-tuned since: /)]);
  const declined = await command(folder, "--against", "none");
  expect([declined.code, declined.stdout]).toEqual([0, expect.stringMatching(/is fine-tuned since: /)]);
});

test("its source may be run beside it: how far it has moved is stated", async () => {
  const report = await verdictOf(await trained({ version: "5.23.0" }), { against: small.source });
  expect(report.verdict).toBe("fine_tuned_since");
  expect(report.checks.find(({ id }) => id === "drift")?.verdict).toBe("stated");
  expect(report.checks.map(({ id }) => id)).not.toContain("weights");
});

test("its graphs are held against its weights", async () => {
  const folder = await trained({ version: "5.23.0" });
  await exportOnnx(folder, undefined, parseExportOptions({ onnx: true }));
  const sound = await verdictOf(folder);
  expect([sound.verdict, failing(sound.checks)]).toEqual(["fine_tuned_since", []]);
  expect(sound.checks.filter(({ id }) => id.startsWith("graph")).map(({ verdict }) => verdict)).toEqual([
    ...["pass", "pass", "pass"],
  ]);
  flipBit("model.safetensors", -1)(folder);
  const { verdict, checks } = await verdictOf(folder, { against: "none" });
  expect([verdict, failing(checks)[0]]).toEqual(["falls_short", "graph-bytes"]);
});

test("a config that its weights do not fit falls short", async () => {
  const folder = await trained({ version: "5.23.0" });
  set("config.json", "max_position_embeddings", 128)(folder);
  const { verdict, checks } = await verdictOf(folder, { against: "none" });
  expect([verdict, failing(checks)]).toEqual(["falls_short", ["length", "load"]]);
});

test("a Longformer without a record is one too", async () => {
  const folder = join(await temporaryFolder(), "long");
  await convert(small.source, folder, parseConvertOptions({ to: "longformer", maxSequenceLength: 96 }));
  remove("lsg_conversion.json")(folder);
  const { verdict, checks } = await verdictOf(folder);
  expect([verdict, failing(checks)]).toEqual(["fine_tuned_since", []]);
});

describe("a folder that was trained in place, its record left", () => {
  test("falls short, and the remedy that it names works", async () => {
    const folder = await trained({ version: "5.23.0", inPlace: true });
    const { verdict, checks } = await verdictOf(folder, { against: small.source });
    expect(verdict).toBe("falls_short");
    expect(failing(checks)).toEqual(expect.arrayContaining(["config", "files", "weights", "promise"]));
    for (const id of ["weights", "promise"]) {
      expect(checks.find((check) => check.id === id)?.remedy).toMatch(
        /trained since.*remove that file, and --against none/,
      );
    }
    rmSync(join(folder, "lsg_conversion.json"));
    const { code, stdout } = await command(folder, "--against", "none");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/is fine-tuned since: /)]);
  });

  test("of the same head: --against none is enough", async () => {
    const folder = await small.copy();
    flipBit("model.safetensors", -1)(folder);
    cpSync(small.source, `${folder}-original`, { recursive: true });
    const { verdict } = await verdictOf(folder, { against: `${folder}-original` });
    expect(verdict).toBe("falls_short");
    expect((await command(folder, "--against", "none")).code).toBe(0);
  });
});
