import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { findArchitecture, modelTypes } from "../../src/architectures/architectures.js";
import { type Alternative, buildCandidates, findAlternative } from "../../src/bench/candidates.js";
import { openSource } from "../../src/checkpoint/open-source.js";
import { type ConvertResult, convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { inspect } from "../../src/commands/inspect.js";
import { openModel as openSourceModel } from "../../src/model/open.js";
import { decisiveOptions, parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { openWorkspace } from "../../src/runtime/workspace.js";
import { branch, pushFiles, setUpPush } from "../push/support.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { openModel, relativeDifference, runModel } from "../support/onnx.js";
import { checksOf, failing } from "../verify/support.js";

/** Within a block, and within the narrowest window of the fixtures: every attention is full there. */
const TOKENS = [7, 23, 11, 19, 5];

/** Float32's rounding, over two layers whose sums are taken in another order. */
const ROUNDING = 1e-5;

const LENGTH = 1050;

const hub = setUpPush();
const opened = async (folder: string) => openSourceModel(await openSource(folder)).model();

/** A model type that a verb forgets fails here, once it stands in converters/. */
describe.each(modelTypes())("%s", (type) => {
  const source = join(FIXTURES, type, "checkpoint");
  const root = join(tmpdir(), `lsg-test-${randomUUID()}`);
  const folder = join(root, "long");
  let converted: ConvertResult;
  beforeAll(async () => {
    const given = { addTokens: "[ent],[/ent]", maxSequenceLength: LENGTH, onnx: true };
    converted = await convert(source, folder, parseConvertOptions(given));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("convert: words are added behind the last one, and there is a graph", async () => {
    const { plan, graphs = {} } = converted;
    const { vocab_size: before } = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
    expect(plan.record.added_tokens).toEqual({ "[ent]": before, "[/ent]": before + 1 });
    expect(Object.keys(graphs).length).toBeGreaterThan(0);
    for (const file of Object.keys(graphs)) expect(existsSync(join(folder, file)), file).toBe(true);
  });

  // What its models compute is looked at in test/verify/sound.test.ts, of every model type too.
  test("verify: every file is what was planned", async () => {
    const checks = await checksOf(folder, { against: source }, "files");
    expect(failing(checks), JSON.stringify(checks)).toEqual([]);
    const passed = checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id);
    expect(passed).toEqual(expect.arrayContaining(["plan", "config", "files", "weights", "length"]));
  });

  test("bench: what it is measured beside computes the same, full attention and the original", async () => {
    const [own, original] = [await opened(folder), await opened(source)];
    const alternatives: Alternative[] = [
      await findAlternative("full", own, {}),
      { kind: "original", original, title: "the original" },
    ];
    const workspace = await openWorkspace(own.checkpoint.source);
    try {
      for (const alternative of alternatives) {
        const paths: string[] = [];
        const candidates = await buildCandidates(own, alternative, workspace, "cpu", async (path) => {
          paths.push(path);
          return { loading: { error: "" }, run: async () => ({ error: "" }), close() {} };
        });
        for (const { start } of candidates) await start(undefined);
        const [model, beside] = await Promise.all(paths.map(encoded));
        expect(relativeDifference(model ?? [], beside ?? [Number.NaN]), alternative.title).toBeLessThan(
          ROUNDING,
        );
      }
    } finally {
      await workspace.close();
    }
  });

  test("inspect: what it is, and what would become of it", async () => {
    const options = decisiveOptions(parseConvertOptions({ maxSequenceLength: LENGTH }));
    const found = await inspect(source, options);
    expect(found.model_type).toBe(type);
    expect(found.architecture).toBe(
      JSON.parse(readFileSync(join(source, "config.json"), "utf8")).architectures[0],
    );
    expect(found.conversion).toMatchObject({ variant: converted.plan.record.variant });
  });

  test("push: the Hub is told of a task, but for ELECTRA's discriminator, which has none", async () => {
    await pushFiles("me/long", {}, { folder });
    const card = String(branch(hub, "me/long")["README.md"]);
    const { library_name, pipeline_tag } = parse(card.split("---\n")[1] ?? "");
    const hasTask = !converted.plan.record.architecture.endsWith("ElectraForPreTraining");
    expect([library_name, typeof pipeline_tag]).toEqual(["transformers", hasTask ? "string" : "undefined"]);
  });

  test("export: its own attention", async () => {
    const output = join(await temporaryFolder(), "graph");
    const { attention, files } = await exportOnnx(source, output, parseExportOptions({}));
    const isLongformer = (await findArchitecture(type)).encoder.layers.global !== undefined;
    expect(attention).toBe(isLongformer ? "longformer" : "full");
    for (const file of files) expect(existsSync(join(output, file)), file).toBe(true);
  });
});

/** What an encoder's graph makes of some tokens. */
async function encoded(path: string): Promise<ArrayLike<number>> {
  const session = await openModel(path);
  const dims = [1, TOKENS.length];
  const inputs = {
    input_ids: { dims, values: TOKENS },
    attention_mask: { dims, values: TOKENS.map(() => 1) },
    token_type_ids: { dims, values: TOKENS.map(() => 0) },
  };
  const wanted = Object.entries(inputs).filter(([name]) => session.inputNames.includes(name));
  const { last_hidden_state: output } = await runModel(session, Object.fromEntries(wanted));
  await session.release();
  return output?.values ?? [];
}
