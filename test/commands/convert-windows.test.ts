import { readdirSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { modelTypes } from "../../src/architectures/architectures.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { readFolder } from "../support/safetensors.js";

const fixture = (modelType: string, folder = "checkpoint") => join(FIXTURES, modelType, folder);
const [BERT, ROBERTA, BART] = [fixture("bert"), fixture("roberta"), fixture("bart")];

const configOf = (folder: string) => JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));

async function converted(source: string, given: Record<string, unknown> = {}): Promise<string> {
  const output = join(await temporaryFolder(), "out");
  await convert(source, output, parseConvertOptions({ to: "windows", ...given }));
  return output;
}

/** Weights as PyTorch writes them have no file to compare with. */
const withSafetensors = modelTypes().filter((type) =>
  readdirSync(fixture(type)).some((file) => file.endsWith(".safetensors")),
);
const windowed = withSafetensors.filter((type) => !["longformer", "led", "bert-generation"].includes(type));

describe("weights are the source's", () => {
  test.each([...windowed.map((type) => fixture(type)), join(FIXTURES, "shakespeare")])(
    "%s",
    async (source) => {
      const output = await converted(source);
      const [before, after] = [readFolder(source), readFolder(output)];
      for (const [name, tensor] of before) {
        const written = after.get(name);
        expect(written?.dtype, name).toBe(tensor.dtype);
        expect(written?.shape, name).toEqual(tensor.shape);
        expect(written?.bytes.equals(tensor.bytes), name).toBe(true);
      }
    },
  );

  test("in the same files, byte for byte", async () => {
    const output = await converted(BERT);
    const shards = readdirSync(BERT).filter((file) => file.endsWith(".safetensors"));
    expect(shards).toHaveLength(2);
    for (const file of shards)
      expect(readFileSync(join(output, file)).equals(readFileSync(join(BERT, file))), file).toBe(true);
  });
});

const OWN_KEYS = /^window_|^auto_map$|^architectures$/;

describe("a folder of windows as a source", () => {
  test.each(["lsg", "longformer"])("to %s: as if the original were converted", async (to) => {
    const windows = await converted(ROBERTA, { merge: "mean" });
    const [direct, over] = [await converted(ROBERTA, { to }), await converted(windows, { to })];
    expect(configOf(over)).toEqual(configOf(direct));
    expect([...readFolder(over)]).toEqual([...readFolder(direct)]);
    const files = readdirSync(over).sort();
    expect(files).toEqual(readdirSync(direct).sort());
    const [a, b] = [direct, over].map((folder) =>
      JSON.parse(readFileSync(join(folder, "lsg_conversion.json"), "utf8")),
    );
    expect(b.promise).toEqual(a.promise);
    expect(b.source_attention).toMatchObject({ window_size: 512, window_merge: "mean" });
  });

  test("to windows, which is what it becomes where nobody says otherwise: the length alone changes", async () => {
    const windows = await converted(ROBERTA, { windowOverlap: 64, merge: "mean" });
    const longer = join(await temporaryFolder(), "longer");
    await convert(windows, longer, parseConvertOptions({ maxSequenceLength: 9000 }));
    expect(configOf(longer)).toEqual(configOf(windows));
    expect(JSON.parse(readFileSync(join(longer, "tokenizer_config.json"), "utf8")).model_max_length).toBe(
      9000,
    );
    const other = await converted(windows, { windowOverlap: 32, maxSequenceLength: 700 });
    expect(configOf(other)).toEqual({ ...configOf(windows), window_overlap: 32 });
  });

  test("as another class, which may not know its merge", async () => {
    const windows = await converted(ROBERTA, {
      architecture: "RobertaForSequenceClassification",
      merge: "max",
    });
    expect(configOf(windows).window_merge).toBe("max");
    expect(configOf(await converted(windows)).window_merge).toBe("max");
    const tokens = await converted(windows, { architecture: "RobertaForTokenClassification" });
    expect(configOf(tokens)).not.toHaveProperty("window_merge");
  });
});

test("the config changes in what windows are alone, so that the plain class opens the folder as the source", async () => {
  for (const source of [BERT, ROBERTA, BART]) {
    const plain = (config: object) =>
      Object.fromEntries(
        Object.entries(config).filter(
          ([key]) => !OWN_KEYS.test(key) && !/^(_name_or_path|tokenizer_class)$/.test(key),
        ),
      );
    expect(plain(configOf(await converted(source)))).toEqual(plain(configOf(source)));
  }
});

describe("the command", () => {
  test("names the folder after source, variant and length", async () => {
    const folder = await temporaryFolder();
    const { code, stderr } = await lsg(
      ["convert", ROBERTA, "--to", "windows", "--max-sequence-length", "600"],
      {
        cwd: folder,
      },
    );
    expect(code).toBe(0);
    expect(await readdir(folder)).toEqual(["checkpoint-windows-600"]);
    expect(stderr).toMatch(/attention: windows of 512 that share 128/);
    expect(stderr).toMatch(/Lossless: inputs of up to 512 tokens/);
    expect(stderr).toMatch(/nothing needs to be trained/);
  });

  test("refuses before anything is written", async () => {
    const folder = await temporaryFolder();
    for (const args of [
      [ROBERTA, "--merge", "max"],
      [ROBERTA, "--merge", "median"],
      [fixture("longformer")],
      [fixture("roberta", "lsg")],
      [ROBERTA, "--window-overlap", "-1"],
    ]) {
      const { code, stderr } = await lsg(["convert", ...args, "--to", "windows"], { cwd: folder });
      expect(code, stderr).toBe(2);
      expect(stderr.trim().split("\n").length, stderr).toBeLessThanOrEqual(2);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});
