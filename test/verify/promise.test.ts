import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import type { VerificationReport } from "../../src/verify/report/report-schema.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeSmallBert } from "./small-bert.js";
import { verdictOf } from "./support.js";

/** A small BERT with keys of its config set, and what its conversion proves. */
async function proven(
  config: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>> = {},
) {
  const root = await temporaryFolder();
  const [source, folder] = [join(root, "original"), join(root, "converted")];
  writeSmallBert(source);
  const path = join(source, "config.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...config }));
  const options = parseConvertOptions({ maxSequenceLength: 96, device: "cpu", runTest: true, ...given });
  const { plan, verification } = await convert(source, folder, options);
  const { checks, ...report } = verification as VerificationReport;
  const verdicts = Object.fromEntries(checks.map(({ id, verdict }) => [id, verdict]));
  return { folder, promise: plan.record.promise, verdicts, checks, report };
}

/** A record as lsg 0.1 wrote it of a folder. */
function earlier(record: { readonly source: { readonly model: string } }) {
  return { ...record, format_version: 1, source: { model: record.source.model } };
}

describe("what is promised is what is proven", () => {
  test("of a class that lsg does not know: hidden states, no outputs", async () => {
    const { verdicts, report } = await proven({ architectures: ["BertWithFilm"] });
    expect(report).toMatchObject({ lossless_up_to: 0, hidden_states_up_to: 32, verdict: "sound" });
    expect(report).toMatchObject({
      summary: expect.stringContaining("its base model computes what the original's"),
    });
    expect(verdicts.lossless).toBe("pass");
    expect(verdicts).not.toHaveProperty("lossless-head");
  });

  test("of code of its own: nothing is compared, and why", async () => {
    const auto_map = { AutoModel: "modeling_own.BertModel" };
    const { verdicts, checks, report } = await proven({ auto_map });
    expect(report).toMatchObject({ lossless_up_to: 0, hidden_states_up_to: 0, verdict: "sound" });
    expect(verdicts).toMatchObject({ original: "skipped", weights: "pass" });
    expect(verdicts).not.toHaveProperty("lossless");
    expect(verdicts).not.toHaveProperty("drift");
    expect(checks.find(({ id }) => id === "original")?.detail).toContain("modeling_own.BertModel");
  });

  test("the original is run as it is, whatever --model-kwargs changes", async () => {
    const { verdicts, report } = await proven({}, { modelKwargs: { hidden_act: "relu" } });
    expect(report).toMatchObject({ lossless_up_to: 0, hidden_states_up_to: 0 });
    expect(verdicts).not.toHaveProperty("lossless");
    // A thousand times what rounding does.
    expect(Math.max(...report.differences.map(({ difference }) => difference))).toBeGreaterThan(1e-3);
  });

  test("a promise that the conversion did not make is found", async () => {
    const { folder } = await proven({}, { modelKwargs: { hidden_act: "relu" } });
    const path = join(folder, "lsg_conversion.json");
    const record = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(
      path,
      JSON.stringify({ ...record, promise: { lossless_up_to: 32, hidden_states_up_to: 32 } }),
    );
    const { checks, verdict } = await verdictOf(folder);
    expect(verdict).toBe("falls_short");
    expect(checks.find(({ id }) => id === "files")?.findings?.join()).toContain("promise.lossless_up_to");
  });

  test("a record of lsg 0.1, with one number, is read as it was meant", async () => {
    const { folder } = await proven({ architectures: ["BertForMaskedLM"] });
    const path = join(folder, "lsg_conversion.json");
    const record = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(earlier({ ...record, promise: { lossless_up_to: 32 } })));
    // But for its format, of which today's lsg writes none.
    const fallen = async () => (await verdictOf(folder)).checks.filter(({ verdict }) => verdict === "fail");
    const [only, ...others] = await fallen();
    expect([only?.id, only?.findings ?? [only?.detail], others]).toEqual([
      "promise",
      [expect.stringContaining("format_version is 1")],
      [],
    ]);
    writeFileSync(path, JSON.stringify(earlier({ ...record, promise: { lossless_up_to: 48 } })));
    expect((await fallen()).map(({ id }) => id)).toContain("files");
  });
});
