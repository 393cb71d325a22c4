import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { evaluate } from "../../src/commands/evaluate.js";
import { evaluationPage } from "../../src/evaluate/page.js";
import { parseReport } from "../../src/evaluate/report-schema.js";
import { printEvaluation } from "../../src/evaluate/wording.js";
import { parseConvertOptions, parseEvaluateOptions } from "../../src/options/options.js";
import { FIXTURES } from "../support/fixtures.js";

const fixture = (path: string) => join(FIXTURES, path);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lsg-test-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Of the tiny checkpoints' vocabulary or not: what a text says does not matter. */
const text = (words: number, seed: number) =>
  Array.from({ length: words }, (_, i) => ["the", "king", "of", "my", "lord", "is"][(i * seed + i) % 6]).join(
    " ",
  );

/** Twelve rows, of which eleven are longer than 512 tokens. */
const rows = (row: (i: number, long: string) => object) =>
  Array.from({ length: 12 }, (_, i) => row(i, text(i === 0 ? 20 : 560 + i, i + 1)));

async function file(name: string, all: readonly object[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, all.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

function run(
  models: string[],
  data: string,
  given: object = {},
  onProgress?: (name: string) => void,
  signal?: AbortSignal,
) {
  const records = join(folder, `${data.replaceAll(/\W/g, "-")}.jsonl`);
  return evaluate(models, parseEvaluateOptions({ data, records, device: "cpu", ...given }), {
    onProgress: onProgress && (({ name }) => onProgress(name)),
    signal,
  });
}

const KINDS = [
  {
    kind: "classification",
    model: "camembert/checkpoint",
    ways: ["cut", "chunks", "windows"],
    row: (i: number, long: string) => ({ text: long, label: i % 2 }),
    metrics: ["accuracy", "macro_f1", "auc"],
  },
  {
    kind: "classes without labels: agreement",
    model: "camembert/checkpoint",
    ways: ["cut", "chunks", "windows"],
    row: (_: number, long: string) => ({ text: long }),
    metrics: ["agreement", "drift"],
  },
  {
    kind: "question answering",
    model: "distilbert/checkpoint",
    ways: ["cut", "windows"],
    row: (i: number, long: string) => ({
      ...{ question: "who is the king", context: long },
      answers: { text: i === 1 ? [] : ["my lord"], answer_start: [3] },
    }),
    metrics: ["f1", "exact_match"],
  },
  {
    kind: "named entities",
    model: "xlm-roberta/checkpoint",
    ways: ["cut", "windows"],
    row: (_: number, long: string) => ({
      tokens: long.split(" "),
      ner_tags: long.split(" ").map((word) => (word === "king" ? 1 : 0)),
    }),
    metrics: ["entity_f1", "entity_precision", "entity_recall", "tag_accuracy"],
  },
  {
    kind: "masked language model",
    model: "bert/checkpoint",
    // Cutting is left out.
    ways: ["chunks", "windows"],
    row: (_: number, long: string) => ({ text: long }),
    // Of all tokens, and of those in each part of the documents.
    metrics: ["loss", "accuracy", "loss", "loss", "loss"],
  },
] as const;

describe.each(KINDS)("$kind", ({ kind, model, ways, row, metrics }) => {
  test("every way reads every document, and what comes of it is in the report, the table and the page", async () => {
    const data = await file(`${kind.replaceAll(/\W/g, "")}.jsonl`, rows(row));
    const strategies = ["cut", ...ways.filter((way) => way !== "cut")].join(",");
    const report = await run([fixture(model)], data, { strategies });
    expect(parseReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect([report.task, report.units, report.longer, report.compared]).toEqual([kind, 12, 11, true]);
    expect(report.metrics.map(({ name }) => name)).toEqual(metrics);
    expect(report.systems.map(({ name }) => name)).toEqual(ways);
    for (const { value, low, high, units } of report.figures) {
      if (value === null || low === null || high === null || units === 1) continue;
      expect([low <= value + 1e-12, value <= high + 1e-12]).toEqual([true, true]);
    }
    const short = report.figures.filter(
      ({ group, up_to: upTo, metric, places }) =>
        group === "length" && upTo === report.border && metric === metrics[0] && !places,
    );
    // Up to the source's length there is one way alone.
    expect(new Set(short.map(({ value }) => value)).size).toBe(1);
    expect(printEvaluation(report, 100)).toContain(report.verdict.split(" ")[0]);
    expect(evaluationPage(report)).toContain("<svg");
  });
});

test("a collection is searched, and a converted model stands beside its source", async () => {
  const place = join(folder, "collection");
  await mkdir(join(place, "qrels"), { recursive: true });
  const ids = Array.from({ length: 12 }, (_, i) => `d${i}`);
  await file(
    "collection/corpus.jsonl",
    ids.map((_id, i) => ({ _id, title: "A title", text: text(560 + i, i + 1) })),
  );
  await file(
    "collection/queries.jsonl",
    ids.map((_id, i) => ({ _id: `q${_id}`, text: text(8, i + 1) })),
  );
  const pairs = ids.map((id) => `q${id}\t${id}\t1\n`).join("");
  await writeFile(join(place, "qrels", "test.tsv"), `query-id\tcorpus-id\tscore\n${pairs}`);
  const source = fixture("bert/checkpoint-ids");
  const converted = join(folder, "bert-lsg");
  await convert(source, converted, parseConvertOptions({ maxSequenceLength: 2048 }));
  const report = await run([converted], place, { against: source, strategies: "cut,windows" });
  expect(report.systems.map(({ name, reading }) => [name, reading])).toEqual([
    ["cut", "cut"],
    ["windows", "windows"],
    ["lsg", "whole"],
  ]);
  expect(report.metrics.map(({ name }) => name)).toEqual(["ndcg_at_10", "recall_at_10", "mrr"]);
  expect(report.verdict).toContain("queries with documents of more than 1024 tokens");
});

test.each([KINDS[0], KINDS[4]])(
  "windows of a source are the folder that it is converted to: $kind",
  async ({ kind, model, row }) => {
    const data = await file(`windows-${kind.replaceAll(/\W/g, "")}.jsonl`, rows(row).slice(-3));
    const converted = join(folder, `windows-${model.replace("/", "-")}`);
    await convert(fixture(model), converted, parseConvertOptions({ to: "windows" }));
    const { figures } = await run([converted], data, { against: fixture(model), strategies: "windows" });
    const of = (name: string) =>
      figures.filter(({ system }) => system === name).map(({ system, ...figure }) => figure);
    expect(of("windows").length).toBeGreaterThan(0);
    expect(of("converted windows")).toEqual(of("windows"));
  },
);

test("a run that was stopped goes on from where it was, and one that was done does nothing", async () => {
  const data = await file(
    "stopped.jsonl",
    rows((i, long) => ({ text: long, label: i % 2 })),
  );
  const model = fixture("camembert/checkpoint");
  const abort = new AbortController();
  let before = 0;
  const stop = () => {
    before++;
    if (before === 5) abort.abort(new Error("stopped"));
  };
  const two = { strategies: "cut,chunks" };
  await expect(run([model], data, two, stop, abort.signal)).rejects.toThrow();
  let after = 0;
  const report = await run([model], data, two, () => after++);
  expect([before < 24, before + after]).toEqual([true, 24]);
  let again = 0;
  expect(await run([model], data, two, () => again++)).toEqual(report);
  expect(again).toBe(0);
  // Another label changes figures alone, another text is read again.
  await file(
    "stopped.jsonl",
    rows((i, long) => ({ text: i === 3 ? `${long} king` : long, label: (i + 1) % 2 })),
  );
  await run([model], data, two, () => again++);
  expect(again).toBe(2);
});

test("where nothing can be compared it says so", async () => {
  const short = await file(
    "short.jsonl",
    rows((i) => ({ text: text(5, i + 1), label: i % 2 })),
  );
  const report = await run([fixture("camembert/checkpoint")], short, { strategies: "cut,windows" });
  expect([report.compared, report.verdict]).toEqual([
    false,
    "Nothing was compared: there is no document of more than 512 tokens, and up to there the source reads all.",
  ]);
  const alone = await run([fixture("camembert/checkpoint")], short, { strategies: "cut" });
  expect([alone.compared, alone.verdict]).toEqual([false, "Nothing was compared: only cut was measured."]);
});

test("data and models that do not go together are refused with what to do", async () => {
  const strange = await file(
    "strange.jsonl",
    rows((_, long) => ({ text: long, label: "sports" })),
  );
  await expect(run([fixture("camembert/checkpoint")], strange)).rejects.toThrow(
    /strange\.jsonl, line 1: label is "sports", and the model's labels are/,
  );
  const words = await file("words.jsonl", [{ tokens: ["a", "b"], ner_tags: [0] }]);
  await expect(run([fixture("xlm-roberta/checkpoint")], words)).rejects.toThrow(
    "line 1: ner_tags has 1 tags, and there are 2 words",
  );
  await expect(run([fixture("bert/checkpoint-ids")], join(folder))).rejects.toThrow("has no corpus.jsonl");
  await expect(run([fixture("mbart/checkpoint")], words)).rejects.toThrow();
});
