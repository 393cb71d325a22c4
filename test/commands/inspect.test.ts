import { readdirSync, readFileSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { describe, expect, test, vi } from "vitest";
import { inspect } from "../../src/commands/inspect.js";
import { drawPicture } from "../../src/inspect/picture.js";
import { printInspection } from "../../src/inspect/print.js";
import { parseConvertOptions, resultOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { setUpHub } from "../support/hub-setup.js";
import { writeTinyModel } from "../support/tiny-model.js";

const ROBERTA = join(FIXTURES, "roberta", "checkpoint");
const look = (model: string, given: Record<string, unknown> = {}) =>
  inspect(model, resultOptions(parseConvertOptions(given)));

describe("a folder", () => {
  test("has its tensors counted, and what a conversion changes named", async () => {
    const inspection = await look(ROBERTA, { maxSequenceLength: 600 });
    const { tensors, parameters, bytes, conversion, groups } = inspection;
    const config = JSON.parse(readFileSync(join(ROBERTA, "config.json"), "utf8"));
    const [positions, width] = [config.max_position_embeddings, config.hidden_size];
    const file = readFileSync(join(ROBERTA, "model.safetensors"));
    expect(bytes).toBe(file.length - 8 - Number(file.readBigUInt64LE()));
    expect(parameters).toBeGreaterThan(bytes / 4);
    expect(groups.reduce((sum, group) => sum + group.tensors, 0)).toBe(tensors?.length);
    if ("refused" in conversion) throw new Error(conversion.refused);
    expect(conversion.changed).toEqual([
      {
        name: "roberta.embeddings.position_embeddings.weight",
        from: [positions, width],
        shape: [602, width],
      },
      { name: "roberta.embeddings.global_embeddings.weight", from: null, shape: [512, width] },
    ]);
    expect(conversion.kept + conversion.changed.length + conversion.dropped.length).toBe(
      (tensors?.length ?? 0) + 1,
    );
    const { scores } = conversion;
    expect(scores.full_bytes).toBe(config.num_attention_heads * 600 * 600 * 4);
    // --json prints it: its keys are a contract.
    expect(Object.keys(conversion.config)).toEqual(["set", "remove"]);
    expect(conversion.config.set).toMatchObject({ max_position_embeddings: 602 });
  });

  test("of a Longformer to be has copies of projections among the new tensors", async () => {
    const { conversion, drawn } = await look(ROBERTA, { to: "longformer", attentionWindow: "8" });
    if ("refused" in conversion) throw new Error(conversion.refused);
    const added = conversion.changed.filter(({ from }) => from === null).map(({ name }) => name);
    expect(added).toContain("longformer.encoder.layer.0.attention.self.query_global.weight");
    expect(added.every((name) => name.includes("_global."))).toBe(true);
    expect(drawn?.attention.window).toBe(4);
  });

  test("that cannot be converted says why, and is shown all the same", async () => {
    const folder = join(await temporaryFolder(), "gpt");
    await cp(await writeTinyModel(), folder, { recursive: true });
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    await writeFile(join(folder, "config.json"), JSON.stringify({ ...config, model_type: "gpt2" }));
    const inspection = await look(folder);
    expect(inspection.conversion).toMatchObject({ refused: expect.stringContaining("gpt2") });
    expect(inspection.parameters).toBeGreaterThan(0);
    expect(printInspection(inspection, false)).toMatch(/^gpt: gpt2\n.*A conversion is not possible: .*gpt2/s);
  });

  test("is printed in one screen, or with all tensors", async () => {
    const inspection = await look(ROBERTA);
    const short = printInspection(inspection, false);
    expect(short).toContain("lsg convert would write LSGRoberta");
    expect(short).toContain("global_embeddings.weight: new [512, ");
    expect(short).toContain("██ own block of");
    expect(short.split("\n").length).toBeLessThan(60);
    const all = printInspection(inspection, true);
    for (const { name } of inspection.tensors ?? []) expect(all).toContain(name);
  });
});

describe("a picture", () => {
  test.each([{}, { preset: "reference" }, { to: "longformer" }, { to: "windows" }])(
    "of %j is a PNG of the pattern",
    async (given) => {
      const { drawn } = await look(ROBERTA, given);
      if (!drawn) throw new Error("nothing is drawn");
      const png = drawPicture("x.png", drawn);
      const size = png.readUInt32BE(16);
      const data = png.indexOf("IDAT");
      const rows = inflateSync(png.subarray(data + 4, data + 4 + png.readUInt32BE(data - 4)));
      expect(rows.length).toBe(size * (size + 1));
      const pixel = (query: number, key: number) => rows[query * (size + 1) + 1 + key];
      const last = size - 1;
      // Local on the diagonal; the last query does not see the middle keys.
      expect([pixel(size >> 1, size >> 1), pixel(last, last), pixel(last, size >> 1)]).toEqual([2, 2, 1]);
    },
  );

  test("as SVG stands alone", async () => {
    const { drawn } = await look(ROBERTA);
    if (!drawn) throw new Error("nothing is drawn");
    const svg = drawPicture("x.svg", drawn).toString();
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg".*<style>.*\.local \{.*<\/svg>$/s);
  });
});

describe("a model on the Hub", () => {
  const MAIN = "a".repeat(40);
  const files = Object.fromEntries(
    readdirSync(ROBERTA, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(ROBERTA, name))]),
  );
  const { "model.safetensors": _, ...others } = files;
  const bin = { ...others, "pytorch_model.bin": Buffer.alloc(64) };
  const hub = setUpHub({
    "org/model": { commits: { [MAIN]: files }, refs: { main: MAIN } },
    "org/bin": { commits: { [MAIN]: bin }, refs: { main: MAIN } },
  });
  const onHub = async (model: string) => {
    vi.stubEnv("HF_ENDPOINT", hub.server.endpoint);
    vi.stubEnv("HF_HUB_CACHE", hub.cache);
    return look(model).finally(() => vi.unstubAllEnvs());
  };

  test("tells the same, and of its weights the header alone is fetched", async () => {
    const [inspection, local] = [await onHub("org/model"), await look(ROBERTA)];
    expect(inspection.tensors).toEqual(local.tensors);
    expect(inspection.conversion).toEqual(local.conversion);
    expect(inspection.revision).toBe(MAIN);
    const header = 8 + Number(files["model.safetensors"]?.readBigUInt64LE());
    const fetched = hub.server.requests.filter(({ url }) => url.includes("model.safetensors"));
    const ends = fetched.map(({ headers: { range } }) =>
      Number(/^bytes=\d+-(\d+)$/.exec(range ?? "")?.[1] ?? Infinity),
    );
    expect(fetched.length).toBeGreaterThan(0);
    expect(Math.max(...ends)).toBeLessThan(header);
  });

  test("with other weights is shown without them", async () => {
    const inspection = await onHub("org/bin");
    expect([inspection.tensors, inspection.model_type]).toEqual([null, "roberta"]);
    expect(inspection.conversion).toMatchObject({ refused: expect.stringContaining("without downloading") });
    expect(hub.server.requests.filter(({ url }) => url.includes("pytorch_model"))).toEqual([]);
  });
});

test("the command prints JSON, draws, and refuses other pictures", async () => {
  const picture = join(await temporaryFolder(), "pattern.png");
  const { code, stdout } = await lsg(["inspect", ROBERTA, "--json", "--picture", picture]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ format_version: 1, model_type: "roberta" });
  expect((await readFile(picture)).subarray(1, 4).toString()).toBe("PNG");
  expect(await lsg(["inspect", ROBERTA, "--picture", "x.gif"])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("expected a file name that ends in .svg or .png"),
  });
});
