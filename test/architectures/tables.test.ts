import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PIPELINE_DATA } from "@huggingface/tasks";
import { describe, expect, test } from "vitest";
import bert from "../../converters/bert.js";
import type { Architecture } from "../../src/architectures/architecture.js";
import { allArchitectures } from "../../src/architectures/architectures.js";
import { CLASS_PREFIXES, classKeyOf, classNameOf, classNames } from "../../src/architectures/class-names.js";
import { EARLIER_MODELING } from "../../src/architectures/earlier-modeling.js";
import { modelingModule } from "../../src/architectures/modeling.js";
import { type AutoClass, hubTask, isBase, TASKS } from "../../src/architectures/tasks.js";
import { CONVERTERS, MODELING_PARTS } from "../../src/base/package.js";
import { CONFIG_KEYS } from "../../src/checkpoint/read-keys.js";
import { listArchitectures } from "../../src/cli/architectures.js";
import { headOf } from "../../src/model/classes.js";
import { forwardKeys } from "../../src/model/config.js";
import { TOKENIZER_CLASSES } from "../../src/tokenizer/tokenizer-classes.js";
import { FIXTURES, goldens } from "../support/fixtures.js";
import { answers } from "../tokenizer/folders.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

const architectures = await allArchitectures();
const listed = await listArchitectures();
const every = architectures.map((architecture) => [architecture.modelType, architecture] as const);

const DOCS = ["README.md", ...readdirSync(join(ROOT, "docs")).map((file) => `docs/${file}`)]
  .filter((file) => file.endsWith(".md"))
  .map(read)
  .join("\n");
const READ_KEYS: Record<string, string[]> = JSON.parse(read("fixtures/forward-keys.json"));
/** What transformers takes for a model type, and which files such a class opens. */
const [TOKENIZERS, OPENED] = [answers<string>("classes.json"), answers<object>("opened.json")];
const GOLDENS = goldens();

const hasLsg = ({ encoder }: Architecture) => encoder.embeddings.global !== undefined;

/** Every table that could lack a model type, and whether it has it. */
const TABLES: Readonly<Record<string, (architecture: Architecture) => boolean>> = {
  "fixtures/*/checkpoint": ({ modelType }) => existsSync(join(FIXTURES, modelType, "checkpoint/config.json")),
  "fixtures/*/outputs": ({ modelType }) => existsSync(join(FIXTURES, modelType, "outputs/cases.json")),
  "fixtures/*/reference": (architecture) => {
    const names = GOLDENS.filter(({ modelType }) => modelType === architecture.modelType).map(
      ({ name }) => name,
    );
    return hasLsg(architecture) ? names.includes("default") && names.includes("odd") : names.length === 0;
  },
  "fixtures/forward-keys.json": ({ modelType }) => (READ_KEYS[modelType]?.length ?? 0) > 0,
  "fixtures/tokenizers/classes.json": ({ modelType }) => modelType in TOKENIZERS,
  "fixtures/tokenizers/opened.json": ({ modelType }) => (TOKENIZERS[modelType] ?? "") in OPENED,
  "src/tokenizer/tokenizer-classes.ts": ({ tokenizerClass }) => tokenizerClass in TOKENIZER_CLASSES,
  "src/architectures/class-names.ts": ({ classPrefix }) => CLASS_PREFIXES.includes(classPrefix),
  "src/checkpoint/read-keys.ts": (architecture) =>
    [...forwardKeys(architecture).keys()].every((key) => CONFIG_KEYS.has(key)),
  "converters/modeling": (architecture) =>
    existsSync(new URL(`${modelingModule(architecture, "LSG")}.py`, MODELING_PARTS)) === hasLsg(architecture),
  "lsg architectures": (architecture) => {
    const own = listed.find(({ model_type }) => model_type === architecture.modelType);
    const variants = [
      ...(hasLsg(architecture) ? ["lsg"] : []),
      ...("modelType" in architecture.longformer ? ["longformer"] : []),
      ...(architecture.encoder.layers.global ? [] : ["windows"]),
    ];
    return own?.variants.join() === variants.join() && variants.length > 0;
  },
  "README.md and docs/": ({ title }) => DOCS.includes(title),
};

test.each(Object.entries(TABLES))("%s has every model type", (_, has) => {
  expect(architectures.filter((one) => !has(one)).map(({ modelType }) => modelType)).toEqual([]);
});

describe.each(every)("converters/%s", (modelType, architecture) => {
  const { config, encoder, heads, pooler } = architecture;

  test("says all that it is: what a spread brings along is in its parts alone", () => {
    const source = readFileSync(new URL(`${modelType}.ts`, CONVERTERS), "utf8");
    expect(source).toMatch(/^export default defineArchitecture\(\{\n {2}modelType: /m);
    expect(source).not.toMatch(/^ {2}\.\.\./m);
  });

  test("has the tokenizer that transformers takes, or one that opens the same", () => {
    expect(TOKENIZER_CLASSES[architecture.tokenizerClass]).toEqual(
      TOKENIZER_CLASSES[TOKENIZERS[modelType] ?? ""],
    );
  });

  test("knows every key of the config that transformers' classes read", () => {
    const known = forwardKeys(architecture);
    expect(READ_KEYS[modelType]?.filter((key) => !known.has(key))).toEqual([]);
  });

  test("has one base class, and a task for every head", () => {
    expect(Object.keys(heads).filter((key) => isBase(heads[key]!))).toEqual(["Model"]);
    for (const [key, head] of Object.entries(heads)) {
      const outputs = Object.values(head.outputs);
      expect(outputs.length === 0, key).toBe(isBase(head));
      // Of a pooler that nobody asks for nothing is kept.
      if (outputs.some(({ from }) => from === "pooler")) expect(head.pooler, key).toBe(true);
      if (head.pooler) expect(pooler, key).toBeDefined();
      const widths = outputs
        .map(({ chain }) => chain.at(-1))
        .map((last) => typeof last === "object" && last.out);
      if (TASKS[head.auto].scoresWords) expect(widths, key).toEqual(["vocab"]);
      if (TASKS[head.auto].hasChoices) expect(widths, key).toEqual([1]);
      if (TASKS[head.auto].outputByLabel) expect(TASKS[head.auto].labels, key).toBe(2);
    }
  });

  test("has types, layers and a decoder that its config counts", () => {
    expect(encoder.embeddings.types.kind === "none").toBe(config.types === 0);
    const counters = encoder.layers.path.split("*").length - 1;
    expect(counters).toBe(encoder.layers.sharing ? 2 : 1);
    const generates = Object.values(heads).some(({ auto }) => TASKS[auto].generates);
    expect(generates).toBe(architecture.decoder !== undefined);
  });

  test("becomes a Longformer whose classes exist", () => {
    const { longformer } = architecture;
    if (!("modelType" in longformer)) return expect(longformer.refused).toMatch(/^it/);
    const variant = architectures.find((other) => other.modelType === longformer.modelType);
    expect(variant && encoder.layers.norms === variant.encoder.layers.norms).toBe(true);
    expect(variant?.encoder.layers.global).toBeDefined();
  });
});

test("files of earlier versions are of model types that are there", () => {
  const modules = architectures
    .filter(hasLsg)
    .map((architecture) => `${modelingModule(architecture, "LSG")}.py`);
  for (const files of EARLIER_MODELING.values()) {
    const parts = Object.keys(files).filter((file) => file.startsWith("modeling_"));
    expect(parts.filter((file) => !modules.includes(file))).toEqual([]);
  }
});

test("no class name belongs to two architectures", () => {
  const classes = architectures.flatMap(classNames);
  expect(new Set(classes).size).toBe(classes.length);
});

test("a head that a relative does not have is none of its table's: it does not compile", () => {
  // @ts-expect-error BERT has no such class
  expect(bert.heads.ForConditionalGeneration).toBeUndefined();
  expect(bert.heads.ForMaskedLM.auto).toBe("MaskedLM");
});

test("nothing but the table of tasks asks which auto class opens a model", () => {
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter(
    // Names of classes are made of those of auto classes.
    (file) => file.endsWith(".ts") && !/architectures\/(tasks|class-names)\.ts$/.test(file),
  );
  const autos = Object.keys(TASKS).join("|");
  const asks = new RegExp(`(===|!==|case) "(${autos})"|"(${autos})" (===|!==)`);
  expect(sources.filter((file) => asks.test(read(`src/${file}`)))).toEqual([]);
});

/** What the pipelines of transformers open with each auto class, where the Hub has a task of that name. */
const PIPELINES: Partial<Record<AutoClass, string>> = {
  Model: "feature-extraction",
  MaskedLM: "fill-mask",
  CausalLM: "text-generation",
  Seq2SeqLM: "text-generation",
  SequenceClassification: "text-classification",
  TokenClassification: "token-classification",
  QuestionAnswering: "question-answering",
  MultipleChoice: "multiple-choice",
};

describe.each(every)("the Hub's tasks of %s", (_, architecture) => {
  test.each(Object.entries(architecture.heads))("%s", (key, head) => {
    const name = classNameOf(architecture, key);
    expect(classKeyOf(architecture, name)).toBe(key);
    expect(headOf(architecture, `LSG${name}`)).toBe(head);
    // The pipeline fill-mask opens pre-training heads that hold a language model's; others have no task.
    const fillsMask = "prediction_logits" in head.outputs ? "fill-mask" : undefined;
    const expected = head.auto === "PreTraining" ? fillsMask : PIPELINES[head.auto];
    expect(hubTask(head)).toBe(expected);
    if (expected !== undefined) expect(Object.keys(PIPELINE_DATA)).toContain(expected);
  });
});
