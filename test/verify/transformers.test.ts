import { appendFileSync, chmodSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join, relative, resolve } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { verify } from "../../src/commands/verify.js";
import { parseVerifyOptions } from "../../src/options/options.js";
import type { Check } from "../../src/verify/check.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { PATIENCE } from "../support/patience.js";
import { convertedSmallBart } from "./small-bart.js";
import { convertedSmallBert, verdictOf } from "./support.js";

const small = convertedSmallBert();
const lsh = convertedSmallBert(
  {},
  { preset: "reference", blockSize: 16, sparseBlockSize: 16, sparsityFactor: 4, sparsityType: "lsh" },
);

const bart = convertedSmallBart();
const classifier = convertedSmallBart({ config: { architectures: ["BartForSequenceClassification"] } });

const windowed = convertedSmallBert({}, { to: "longformer" });
const dilated = convertedSmallBert({}, { to: "longformer", attentionDilation: "2" });

/** What the check says with this for LSG_PYTHON. */
async function outcome(python: string, folder?: string, given?: object): Promise<Check | undefined> {
  return (await checksOf(python, folder, given)).get("transformers");
}

/** The checks by id, up to this one: the verification is stopped behind it. */
async function checksOf(
  python: string,
  folder = small.folder,
  given: object = {},
): Promise<Map<string, Check>> {
  const checks = new Map<string, Check>();
  const stop = new AbortController();
  const enough = new Error("enough");
  const onCheck = (check: Check) => {
    checks.set(check.id, check);
    if (check.id === "transformers") stop.abort(enough);
  };
  vi.stubEnv("LSG_PYTHON", python);
  const options = parseVerifyOptions({ device: "cpu", lengths: [5, 32], ...given });
  await verify(folder, options, { onCheck, signal: stop.signal }).catch((error: unknown) => {
    if (error !== enough) throw error;
  });
  vi.unstubAllEnvs();
  return checks;
}

/** A program that stands in for Python. @param code what it does with `request`, which it has read */
async function stand(code: string): Promise<string> {
  const path = join(await temporaryFolder(), "python");
  const fs = `const fs = require("node:fs"); const request = JSON.parse(fs.readFileSync(0, "utf8"));`;
  writeFileSync(path, `#!${process.execPath}\n${fs}\n${code}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Code that writes zeros for all that is asked, and says so with these keys changed. */
function answers(changes: object = {}): string {
  return `
    const zeros = (name, dims) => {
      fs.writeFileSync(request.output + "/" + name, Buffer.alloc(4 * dims.reduce((a, b) => a * b)));
      return dims;
    };
    const hidden = request.hidden.map(({ input_ids }, i) => zeros("hidden-" + i, [...input_ids.dims, 4]));
    const head = request.head.map(({ input_ids }, i) => {
      return { logits: zeros("head-" + i + "-logits", [...input_ids.dims, 105]) };
    });
    const versions = { torch: "2.1.0", transformers: "4.40.0", class: "LSGBertForMaskedLM" };
    const answer = { ...versions, missing: [], unexpected: [], hidden, head, ...${JSON.stringify(changes)} };
    console.log(JSON.stringify(answer));`;
}

const says = (value: unknown) => stand(`console.log(${JSON.stringify(JSON.stringify(value))});`);

describe("Python that cannot say what the modelling code does is named, and fails nothing", () => {
  const REMEDY = "Name a Python that has torch and transformers (4.40 or later): LSG_PYTHON=PATH.";

  test("where LSG_PYTHON is empty", async () => {
    vi.stubEnv("LSG_PYTHON", "");
    const { checks, verdict } = await verdictOf(small.folder, { lengths: [5] });
    vi.unstubAllEnvs();
    expect(checks).toContainEqual({
      id: "transformers",
      title: "modelling code and graph",
      verdict: "skipped",
      detail: "NOT COVERED: LSG_PYTHON is empty",
      remedy: REMEDY,
    });
    expect(verdict).toBe("sound");
  });

  test("where there is no such program", async () => {
    expect(await outcome("/nowhere/python")).toMatchObject({
      verdict: "skipped",
      detail: "NOT COVERED: /nowhere/python: there is no such program",
      remedy: REMEDY,
    });
  });

  test("where torch or transformers is missing", async () => {
    const python = await says({ unusable: "it has no torch" });
    const detail = `NOT COVERED: ${python}: it has no torch`;
    expect(await outcome(python)).toMatchObject({ verdict: "skipped", detail, remedy: REMEDY });
  });

  test.each([
    ["does not answer in JSON", `console.log("Python 3.12");`, /it does not answer as/],
    ["leaves out what it is asked for", `console.log('{"torch": "2.1.0"}');`, /it does not answer as/],
    ["does not come to a good end", `process.kill(process.pid, "SIGKILL");`, /ended by SIGKILL/],
  ])("where it %s", async (_, code, detail) => {
    const check = await outcome(await stand(code));
    expect(check).toMatchObject({ verdict: "skipped", detail: expect.stringMatching(detail) });
  });
});

test("dilated windows, which transformers does not compute", async () => {
  const python = await stand(answers());
  expect(await outcome(python, dilated.folder, { against: dilated.source })).toMatchObject({
    verdict: "skipped",
    detail: "NOT COVERED: transformers ignores attention_dilation",
    remedy: expect.stringMatching(/lsg export/),
  });
});

describe("no Python code but ours is run", () => {
  test("of a folder whose modelling code was changed", async () => {
    const folder = await small.copy();
    appendFileSync(join(folder, "modeling_lsg_bert.py"), "\nprint('run')\n");
    await expectNotRun(folder);
  });

  test("of a folder that says an earlier version wrote it, with code that is not that version's", async () => {
    const folder = join(await temporaryFolder(), "earlier");
    cpSync(join(FIXTURES, "earlier", "0.1.0"), folder, { recursive: true });
    appendFileSync(join(folder, "lsg_attention.py"), "\nprint('run')\n");
    await expectNotRun(folder);
  });

  test("of a folder whose config names another file", async () => {
    const folder = await small.copy();
    writeFileSync(join(folder, "other.py"), "print('run')\n");
    const path = join(folder, "config.json");
    const config = readFileSync(path, "utf8");
    writeFileSync(path, config.replace("modeling_lsg_bert.LSGBertForMaskedLM", "other.Model"));
    await expectNotRun(folder);
  });

  async function expectNotRun(folder: string) {
    const marker = join(await temporaryFolder(), "marker");
    const python = await stand(`fs.writeFileSync(${JSON.stringify(marker)}, "");`);
    const checks = await checksOf(python, folder);
    expect(checks.get("modeling")?.verdict).toBe("fail");
    expect(checks.get("transformers")).toMatchObject({
      verdict: "skipped",
      detail: "NOT COVERED: Python code that does not come with lsg is not run",
    });
    expect(existsSync(marker)).toBe(false);
  }
});

describe("what Python finds wrong fails", () => {
  test("a folder that transformers does not open", async () => {
    expect(await outcome(await says({ error: "ValueError: no such class" }))).toMatchObject({
      verdict: "fail",
      detail: "transformers cannot run the folder: ValueError: no such class",
    });
  });

  test("outputs that are not the graph's, and parameters without weights", async () => {
    const name = "bert.embeddings.global_embeddings.weight";
    const check = await outcome(await stand(answers({ missing: [name, "bert.pooler.dense.weight"] })));
    expect(check?.verdict).toBe("fail");
    expect(check?.detail).toMatch(
      /^transformers 4\.40\.0 with torch 2\.1\.0, LSGBertForMaskedLM at 2 lengths/,
    );
    expect(check?.findings).toEqual([
      `transformers finds no weights for ${name}`,
      "transformers finds no weights for bert.pooler.dense.weight",
      expect.stringMatching(/^hidden states differ by [\d.]+ at 5 tokens, allowed /),
      expect.stringMatching(/^hidden states differ by [\d.]+ at 32 tokens, allowed /),
      expect.stringMatching(/^logits differ by [\d.]+ at 8 tokens, allowed /),
    ]);
    expect(check?.figure?.value).toBeGreaterThan(check?.figure?.tolerance ?? Number.NaN);
  });

  test("outputs that are not there, or of another shape", async () => {
    const check = await outcome(await stand(answers({ head: [], hidden: [] })));
    expect(check?.findings).toEqual([
      "hidden states differ by Infinity at 5 tokens, allowed 1e-4",
      "hidden states differ by Infinity at 32 tokens, allowed 1e-4",
      "logits differ by Infinity at 8 tokens, allowed 1e-4",
    ]);
  });
});

describe("Python", () => {
  test("is given the folder's own files, no network, and padded rows of the lengths asked for", async () => {
    const seen = join(await temporaryFolder(), "seen.json");
    const python = await stand(`
      const { HF_HUB_OFFLINE, HF_MODULES_CACHE, HF_HOME, PYTHONDONTWRITEBYTECODE } = process.env;
      fs.writeFileSync(${JSON.stringify(seen)}, JSON.stringify({
        request, program: process.argv[2], files: fs.readdirSync(request.folder),
        env: { HF_HUB_OFFLINE, HF_MODULES_CACHE, HF_HOME, PYTHONDONTWRITEBYTECODE },
      }));
      ${answers()}`);
    await outcome(python);
    const { request, program, files, env } = JSON.parse(readFileSync(seen, "utf8"));
    expect(program).toMatch(/verify_modeling\.py$/);
    expect(readFileSync(program, "utf8")).toMatch(/from_pretrained/);
    expect(files.sort()).toEqual(["config.json", "model.safetensors", "modeling_lsg_bert.py"]);
    expect(env).toMatchObject({ HF_HUB_OFFLINE: "1", PYTHONDONTWRITEBYTECODE: "1" });
    for (const folder of [request.folder, request.output, env.HF_HOME, env.HF_MODULES_CACHE]) {
      expect(folder).toMatch(/lsg-verify-/);
      expect(existsSync(folder)).toBe(false);
    }
    expect(Object.keys(request.head[0])).toEqual(["input_ids", "attention_mask", "token_type_ids"]);
    const batches: { attention_mask: { dims: number[]; values: number[] } }[] = request.hidden;
    expect(batches.map(({ attention_mask }) => attention_mask.dims)).toEqual([
      [3, 5],
      [3, 32],
    ]);
    // The third row is padded on the left.
    expect(batches[1]?.attention_mask.values.at(-32)).toBe(0);
    expect(batches[1]?.attention_mask.values.at(-1)).toBe(1);
  });

  test("works in an empty folder, without tokens, and imports nothing from where lsg was started", async () => {
    const seen = join(await temporaryFolder(), "seen.json");
    const python = await stand(`
      const { PYTHONPATH, PYTHONSAFEPATH, HF_TOKEN, HF_HUB_CACHE, HF_HOME } = process.env;
      const env = { PYTHONPATH, PYTHONSAFEPATH, HF_TOKEN, HF_HUB_CACHE, HF_HOME };
      const cwd = process.cwd();
      fs.writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ env, cwd, files: fs.readdirSync(cwd) }));
      ${answers()}`);
    vi.stubEnv("PYTHONPATH", `${delimiter}libraries${delimiter}.`);
    vi.stubEnv("HF_TOKEN", "hf_secret");
    vi.stubEnv("HF_HUB_CACHE", "/somewhere/cache");
    await outcome(python);
    const { env, cwd, files } = JSON.parse(readFileSync(seen, "utf8"));
    expect(files).toEqual([]);
    expect(cwd).toMatch(/lsg-verify-/);
    const home = expect.stringMatching(/lsg-verify-/);
    expect(env).toEqual({ PYTHONPATH: resolve("libraries"), PYTHONSAFEPATH: "1", HF_HOME: home });
  });

  test("is found by a path that is relative to where lsg was started", async () => {
    const python = await stand(answers());
    const check = await outcome(relative(process.cwd(), python));
    expect(check?.detail).toMatch(/^transformers 4\.40\.0 with torch/);
  });

  test("is told which class to open the folder with, and whether code belongs to it", async () => {
    const seen = join(await temporaryFolder(), "seen.json");
    const python = await stand(`fs.writeFileSync(${JSON.stringify(seen)}, JSON.stringify(request));`);
    const opening = async (folder: string) => {
      await outcome(python, folder);
      const request = JSON.parse(readFileSync(seen, "utf8"));
      return { class: request.class, code: request.code };
    };
    expect(await opening(small.folder)).toEqual({ class: "AutoModelForMaskedLM", code: true });
    expect(await opening(bart.folder)).toEqual({ class: "AutoModelForSeq2SeqLM", code: true });
    expect(await opening(windowed.folder)).toEqual({ class: "LongformerForMaskedLM", code: false });
  });

  test("is given a decoder's tokens too, where the class has an input for them", async () => {
    const seen = join(await temporaryFolder(), "seen.json");
    const python = await stand(`fs.writeFileSync(${JSON.stringify(seen)}, JSON.stringify(request));`);
    const head = async (folder: string) => {
      await outcome(python, folder);
      return JSON.parse(readFileSync(seen, "utf8")).head[0];
    };
    const { input_ids, decoder_input_ids, ...others } = await head(bart.folder);
    expect(Object.keys(others)).toEqual(["attention_mask"]);
    expect(decoder_input_ids.dims).toEqual(input_ids.dims);
    expect(Object.keys(await head(classifier.folder))).toEqual(["input_ids", "attention_mask"]);
    // A classifier looks at the token that ends a text: each row has it once.
    const isEnd = input_ids.values.map((id: number) => id === 4);
    expect(isEnd).toEqual(isEnd.map((_: boolean, i: number) => i % 8 === 7));
  });

  test("may give more states than tokens, as an encoder does that passes its global tokens on", async () => {
    const zeros = `(name, dims) => {
      fs.writeFileSync(request.output + "/" + name, Buffer.alloc(4 * dims.reduce((a, b) => a * b)));
      return dims;
    }`;
    const python = await stand(`
      const zeros = ${zeros};
      const hidden = request.hidden.map(({ input_ids: { dims: [batch, length] } }, i) =>
        zeros("hidden-" + i, [batch, length + 1, 8]));
      const versions = { torch: "2.1.0", transformers: "4.40.0", class: "LSGBartForConditionalGeneration" };
      console.log(JSON.stringify({ ...versions, missing: [], unexpected: [], hidden, head: [{}] }));`);
    const check = await outcome(python, bart.folder);
    expect(check?.findings).toEqual([
      expect.stringMatching(/^encoder states differ by [\d.]+ at 5 tokens, allowed /),
      expect.stringMatching(/^encoder states differ by [\d.]+ at 32 tokens, allowed /),
      "logits differ by Infinity at 8 tokens, allowed 1e-4",
    ]);
  });

  test("looks around the borders of blocks where no length is asked for, of lsh only where it is not random", async () => {
    const lengthsOf = async (folder: string) => {
      const seen = join(await temporaryFolder(), "seen.json");
      const python = await stand(`
        const lengths = request.hidden.map(({ input_ids }) => input_ids.dims[1]);
        fs.writeFileSync(${JSON.stringify(seen)}, JSON.stringify(lengths)); ${answers()}`);
      const check = await outcome(python, folder, { lengths: undefined });
      return { lengths: JSON.parse(readFileSync(seen, "utf8")), detail: check?.detail };
    };
    expect((await lengthsOf(small.folder)).lengths).toEqual([1, 15, 16, 17, 31, 32, 33, 52, 53]);
    const random = await lengthsOf(lsh.folder);
    expect(random.lengths).toEqual([1, 15, 16, 17, 31, 32]);
    expect(random.detail).toMatch(/none longer, where lsh picks at random/);
    expect(await outcome("/nowhere/python", lsh.folder, { lengths: [33] })).toMatchObject({
      verdict: "skipped",
      detail: "NOT COVERED: lsh picks at random at these lengths",
    });
  });

  test("that hangs ends with the verification that is aborted", async () => {
    const pidFile = join(await temporaryFolder(), "pid");
    const python = await stand(`
      fs.writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`);
    vi.stubEnv("LSG_PYTHON", python);
    const controller = new AbortController();
    const verifying = verify(small.folder, parseVerifyOptions({ device: "cpu", lengths: [5] }), {
      signal: controller.signal,
    });
    const pid = await vi.waitFor(() => {
      expect(readFileSync(pidFile, "utf8")).not.toBe("");
      return Number(readFileSync(pidFile, "utf8"));
    }, PATIENCE);
    vi.unstubAllEnvs();
    expect(process.kill(pid, 0)).toBe(true);
    controller.abort(new Error("stopped"));
    await expect(verifying).rejects.toThrow("stopped");
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), PATIENCE);
  });
});
