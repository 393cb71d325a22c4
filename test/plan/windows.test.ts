import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allArchitectures } from "../../src/architectures/architectures.js";
import { classNameOf } from "../../src/architectures/class-names.js";
import type { AutoClass } from "../../src/architectures/tasks.js";
import { MERGES, type Merge } from "../../src/attention/windows.js";
import { OptionError } from "../../src/base/errors.js";
import { openSource } from "../../src/checkpoint/open-source.js";
import { type OpenedModel, openModel } from "../../src/model/open.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { planModel } from "../../src/plan/plan-source.js";
import type { ConversionPlan } from "../../src/plan/types.js";
import { type Changes, changedCheckpoint } from "../support/changed-checkpoint.js";
import { FIXTURES } from "../support/fixtures.js";

type Given = Readonly<Record<string, unknown>>;

const fixture = (modelType: string, folder = "checkpoint") => join(FIXTURES, modelType, folder);
const [BERT, ROBERTA, BART] = [fixture("bert"), fixture("roberta"), fixture("bart")];
const sentence = (name: string) => fixture("sentence-transformers", name);

const read = async (source: string) => openModel(await openSource(source)).read();
const planned = async (opened: OpenedModel, given: Given) =>
  planModel(opened, parseConvertOptions({ to: "windows", ...given }), { source: { model: "source" } });
const planOf = async (source: string, given: Given = {}) => planned(await read(source), given);
const changed = async (source: string, changes: Changes, given: Given = {}) =>
  planOf(await changedCheckpoint(source, changes), given);

const windowsOf = ({ config: { set } }: Pick<ConversionPlan, "config">) =>
  Object.fromEntries(Object.entries(set).filter(([key]) => key.startsWith("window_")));

async function refusal(plan: Promise<unknown>): Promise<string> {
  const error = await plan.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OptionError);
  return `${(error as OptionError).message} ${(error as OptionError).remedy}`;
}

const architectures = await allArchitectures();
const full = architectures.filter(({ encoder }) => encoder.layers.global === undefined);
const others = architectures.filter((one) => !full.includes(one)).map(({ modelType }) => modelType);

/** What a class's windows can be merged by, as its definition has it; of ELECTRA's discriminator and of pairs apart. */
const MERGED: Record<AutoClass, "logits" | "state" | "tokens" | "answers" | "refused"> = {
  Model: "state",
  MaskedLM: "tokens",
  CausalLM: "refused",
  Seq2SeqLM: "tokens",
  PreTraining: "logits",
  NextSentencePrediction: "logits",
  SequenceClassification: "logits",
  TokenClassification: "tokens",
  QuestionAnswering: "answers",
  MultipleChoice: "logits",
  CandidateScoring: "tokens",
};
const ALLOWED: Record<string, readonly Merge[]> = {
  logits: ["reader", "mean", "max", "logsumexp"],
  state: ["reader", "mean"],
  tokens: ["mean"],
  answers: [],
};

function allowed(modelType: string, auto: AutoClass, isPair: boolean): readonly Merge[] {
  // Its tokenizer puts nothing before a text.
  if (modelType === "bert-generation") return [];
  if (modelType === "electra" && auto === "PreTraining") return ["mean"];
  if (!isPair) return ALLOWED[MERGED[auto]] ?? [];
  const merges =
    MERGED[auto] === "logits" ? ["mean", "max", "logsumexp"] : auto === "QuestionAnswering" ? [] : ["mean"];
  // mBART and Pegasus have no first token either; what a decoder computes is merged all the same.
  return (modelType === "mbart" || modelType === "pegasus") && MERGED[auto] !== "logits"
    ? []
    : (merges as Merge[]);
}

describe.each(full.map((architecture) => [architecture.modelType, architecture] as const))(
  "%s",
  async (modelType, architecture) => {
    const opened = await read(fixture(modelType));
    const own = JSON.parse(readFileSync(join(fixture(modelType), "config.json"), "utf8"));
    const { maxLength } = (await opened.model()).positions();
    const { tensors } = await opened.checkpoint();
    const modelKwargs = { is_decoder: false };
    const heads = Object.entries(architecture.heads).filter(([, { auto }]) => MERGED[auto] !== "refused");

    test.each(heads)("%s: the source's tensors, and keys that say how it is read", async (key) => {
      const className = classNameOf(architecture, key);
      const plan = await planned(opened, { architecture: className, modelKwargs });
      const { config, record, attention } = plan;
      expect(attention.kind).toBe("windows");
      expect(record).toMatchObject({
        variant: "windows",
        max_sequence_length: { from: maxLength, to: 4096 },
      });
      expect(config.set).toMatchObject({
        architectures: [`Windows${className}`],
        auto_map: {
          AutoConfig: `modeling_windows_${modelType.replaceAll("-", "_")}.Windows${architecture.classPrefix}Config`,
        },
        window_size: maxLength,
        window_overlap: 128,
      });
      // Tables and their sizes stay.
      for (const name of Object.keys(own).filter((name) => /position|max_length|n_ctx/.test(name)))
        expect(config.set).not.toHaveProperty(name);
      const written = plan.shards.flatMap(({ tensors }) => [...tensors]);
      for (const [name, { segments, shape }] of written) {
        const [segment, ...more] = segments;
        if (segment?.kind !== "copy") continue;
        expect(more, name).toEqual([]);
        const stored = tensors.get(segment.rows.tensor);
        expect(shape, name).toEqual(stored?.shape);
        expect(segment.rows).toMatchObject({ start: 0, step: 1, count: stored?.shape[0] ?? 1 });
      }
    });

    test.each(heads)("%s: a merge that it does not know is refused", async (key, { auto }) => {
      const isPair = architecture.decoder !== undefined;
      const taken: string[] = [];
      for (const merge of MERGES) {
        const plan = planned(opened, { architecture: classNameOf(architecture, key), modelKwargs, merge });
        const config = await plan.then(windowsOf, (error: unknown) => {
          expect(error).toBeInstanceOf(OptionError);
          expect((error as OptionError).message).toMatch(`--merge ${merge}: the windows of`);
          return undefined;
        });
        if (config === undefined) continue;
        expect(config.window_merge).toBe(merge);
        taken.push(merge);
      }
      expect(taken).toEqual(allowed(modelType, auto, isPair));
    });
  },
);

describe("what it lacks no tensor of", () => {
  test.each(full.map(({ modelType }) => modelType).filter((type) => type !== "bert-generation"))(
    "%s: as its own class all names are the source's, buffers too, and shards are copies",
    async (modelType) => {
      const opened = await read(fixture(modelType));
      const { tensors, weightFiles } = await opened.checkpoint();
      const { shards, dropped, record } = await planned(opened, {});
      const names = shards.flatMap((shard) => [...shard.tensors.keys()]);
      // What a file of PyTorch's holds twice is written once; what transformers 5 does not share is there twice.
      const twice = new Set(
        dropped.filter(({ reason }) => reason.includes("storage")).map(({ name }) => name),
      );
      expect(dropped).toHaveLength(twice.size);
      expect([...tensors.keys()].filter((name) => !names.includes(name) && !twice.has(name))).toEqual([]);
      const added = names.filter((name) => !tensors.has(name));
      expect(
        added.every((name) => name.endsWith("decoder.bias")),
        added.join(),
      ).toBe(true);
      const copies = shards.filter(({ copyOf }) => copyOf !== undefined);
      const copied = weightFiles.filter(
        ({ format, metadata }) => format === "safetensors" && metadata?.get("format") === "pt",
      );
      if (added.length === 0) expect(copies.length).toBe(copied.length);
      const { maxLength } = (await opened.model()).positions();
      expect(record.promise).toEqual({ lossless_up_to: maxLength, hidden_states_up_to: maxLength });
    },
  );
});

describe("tokens that every window repeats", () => {
  test.each<[source: string, head: number, tail: number, separators: number]>([
    [BERT, 1, 1, 1],
    [ROBERTA, 1, 1, 2],
    [BART, 1, 1, 2],
    [fixture("mpnet"), 1, 1, 2],
    [fixture("distilbert"), 1, 1, 1],
    [fixture("mbart"), 0, 2, 0],
    [fixture("pegasus"), 0, 1, 0],
    [sentence("modern"), 1, 1, 1],
    [sentence("colbert"), 2, 1, 1],
    [sentence("pylate"), 2, 1, 1],
  ])("%s: %i before, %i behind, %i between", async (source, head, tail, separators) => {
    const { window_head, window_tail, window_separator } = windowsOf(await planOf(source));
    expect([window_head, window_tail]).toEqual([head, tail]);
    expect(window_separator).toHaveLength(separators);
  });

  test("added tokens change no id of them", async () => {
    const [without, withTokens] = [await planOf(ROBERTA), await planOf(ROBERTA, { addTokens: "[a],[b]" })];
    expect(windowsOf(withTokens)).toEqual(windowsOf(without));
    expect(withTokens.record.added_tokens).toBeDefined();
  });

  test("are no more than half of a window", async () => {
    const { max_position_embeddings: rows } = JSON.parse(readFileSync(join(BERT, "config.json"), "utf8"));
    expect(rows).toBeGreaterThan(0);
    const tokens = ["a", "b", "c", "d", "e"].map((id) => ({ SpecialToken: { id, type_id: 0 } }));
    const special_tokens = Object.fromEntries(
      ["a", "b", "c", "d", "e"].map((id) => [id, { id, ids: [1], tokens: [id] }]),
    );
    const source = await changedCheckpoint(BERT, {
      config: { max_position_embeddings: 8 },
      tensors: (all) => {
        const name = "bert.embeddings.position_embeddings.weight";
        const table = all.get(name);
        if (table) all.set(name, { ...table, shape: [8, 32], bytes: table.bytes.subarray(0, 8 * 32 * 4) });
      },
    });
    const opened = await read(source);
    expect(windowsOf(await planned(opened, {})).window_size).toBe(8);
    const contents = new Map(await opened.contents());
    const post_processor = {
      type: "TemplateProcessing",
      single: [...tokens, { Sequence: { id: "A" } }],
      special_tokens,
    };
    contents.set("tokenizer.json", Buffer.from(JSON.stringify({ post_processor })));
    const other = { ...opened, contents: async () => contents };
    expect(await refusal(planned(other, {}))).toMatch(
      /puts 5 tokens around a text, and windows of 8 leave too few/,
    );
  });
});

test("windows longer than the table of positions are refused", async () => {
  const config = {
    ...{ architectures: ["WindowsBertForMaskedLM"], window_size: 600, window_head: 1, window_tail: 1 },
    ...{ window_separator: [], window_overlap: 128 },
  };
  const model = await (await read(await changedCheckpoint(BERT, { config }))).model();
  expect(() => model.attention()).toThrow(
    "config.json: window_size is 600, and the weights have 512 positions",
  );
});

describe("what clients are told", () => {
  test("the limits of tokenizer and sentence-transformers, which is written where it is missing", async () => {
    const edits = ({ sideFiles }: ConversionPlan) =>
      sideFiles.flatMap((file) =>
        file.kind === "edit" ? file.edits.map(({ file: path, key, to }) => [path, key, to]) : [],
      );
    const nested = edits(await planOf(sentence("nested"), { maxSequenceLength: 300 }));
    expect(nested).toContainEqual(["sentence_bert_config.json", "max_seq_length", 300]);
    expect(nested).toContainEqual(["tokenizer_config.json", "model_max_length", 300]);
    // Has the file, and no limit in it.
    const modern = edits(await planOf(sentence("modern")));
    expect(modern).toContainEqual(["sentence_bert_config.json", "max_seq_length", 4096]);
    // The same conversion to LSG, whose table is as long as its limit, needs none.
    const lsg = edits(await planOf(sentence("modern"), { to: "lsg" }));
    expect(lsg.map(([path]) => path)).not.toContain("sentence_bert_config.json");
  });

  test("a file of its own where sentence-transformers finds none", async () => {
    const opened = await read(sentence("modern"));
    const files = new Map([...opened.source.files].filter(([path]) => path !== "sentence_bert_config.json"));
    const contents = new Map([...(await opened.contents())].filter(([path]) => files.has(path)));
    const source = { ...opened.source, files };
    const checkpoint = { ...(await opened.checkpoint()), source };
    const bare = { ...opened, source, contents: async () => contents, checkpoint: async () => checkpoint };
    const model = await bare.as({});
    const as = async () => ({ ...model, checkpoint });
    const { sideFiles } = await planned({ ...bare, as }, {});
    const written = sideFiles.find(({ path }) => path === "sentence_bert_config.json");
    expect(written).toMatchObject({ kind: "write", content: '{"max_seq_length": 4096}\n' });
  });

  test("4096, or twice what the source reads", async () => {
    expect((await planOf(ROBERTA)).length.to).toBe(4096);
    expect((await planOf(fixture("roberta", "checkpoint-1026"), {})).length.to).toBe(4096);
    expect((await planOf(ROBERTA, { maxSequenceLength: 513 })).length.to).toBe(513);
  });

  test("an encoder-decoder writes no more than before", async () => {
    const source = await changedCheckpoint(BART, {
      config: { max_length: 512, n_positions: 512, max_seq_length: 512 },
    });
    const { config, length } = await planOf(source);
    expect(config.set).toMatchObject({ max_seq_length: 4096 });
    expect(Object.keys(config.set)).not.toEqual(expect.arrayContaining(["max_length"]));
    expect(Object.keys(config.set)).not.toEqual(expect.arrayContaining(["n_positions"]));
    expect(length.writesNoMore).toBe(true);
  });
});

describe("refusals", () => {
  test.each<[name: string, plan: () => Promise<unknown>, said: RegExp]>([
    [
      "an LSG model",
      () => planOf(fixture("roberta", "lsg")),
      /this RoBERTa cannot be read in windows: it is an LSG/,
    ],
    [
      "a causal model",
      () => changed(ROBERTA, { config: { is_decoder: true } }),
      /cannot be read .*: it is causal/,
    ],
    [
      "a causal class",
      () => changed(ROBERTA, { config: { architectures: ["RobertaForCausalLM"] } }),
      /it is causal.* Use --to lsg/,
    ],
    [
      "a causal class that is asked for",
      () => planOf(BERT, { architecture: "BertLMHeadModel" }),
      /it is causal/,
    ],
    [
      "no more tokens",
      () => planOf(ROBERTA, { maxSequenceLength: 512 }),
      /512: the source reads 512 tokens as it is/,
    ],
    ["fewer tokens", () => planOf(ROBERTA, { maxSequenceLength: 100 }), /Ask for more than 512/],
    [
      "an overlap without room",
      () => planOf(ROBERTA, { windowOverlap: 256 }),
      /share 255 at most.* Take 255 or fewer/,
    ],
    ["LSG's keys", () => planOf(ROBERTA, { blockSize: 64 }), /--block-size is LSG's, and windows keep/],
    [
      "LSG's keys in kwargs",
      () => planOf(ROBERTA, { modelKwargs: { block_size: 64 } }),
      /--block-size is LSG's/,
    ],
    ["--resize-lsg", () => planOf(ROBERTA, { resizeLsg: true }), /--resize-lsg is LSG's/],
    ["--no-use-token-ids", () => planOf(ROBERTA, { useTokenIds: false }), /--no-use-token-ids is LSG's/],
    [
      "Longformer's windows",
      () => planOf(ROBERTA, { attentionWindow: "64" }),
      /--attention-window is Longformer's/,
    ],
    [
      "the reference",
      () => planOf(ROBERTA, { preset: "reference" }),
      /--preset reference: the reference has no/,
    ],
    [
      "a key of windows in kwargs",
      () => planOf(ROBERTA, { modelKwargs: { window_size: 8 } }),
      /"window_size" cannot be set/,
    ],
    [
      "windows' options of LSG",
      () => planOf(ROBERTA, { to: "lsg", merge: "mean" }),
      /--merge is windows', and this is a conversion to LSG Use --to windows/,
    ],
    [
      "windows' options of a Longformer",
      () => planOf(ROBERTA, { to: "longformer", windowOverlap: 8 }),
      /--window-overlap is windows'/,
    ],
  ])("%s", async (_, plan, said) => {
    expect(await refusal(plan())).toMatch(said);
  });

  test("a merge of the first token where pooling leaves it out, and the config says how it is merged", async () => {
    const pooled = async (pooling_mode: string, given: Given) => {
      const { source } = await read(sentence("modern"));
      const config = Buffer.from(JSON.stringify({ embedding_dimension: 12, pooling_mode }));
      const modules = JSON.parse(String(await source.read("modules.json"))).slice(0, 3);
      const changed: Record<string, Buffer> = {
        "2_Pooling/config.json": config,
        "modules.json": Buffer.from(JSON.stringify(modules)),
      };
      const other = async (path: string) => changed[path] ?? source.read(path);
      return planned(openModel({ ...source, read: other }), given);
    };
    expect(await refusal(pooled("mean", { merge: "reader" }))).toMatch(
      /nothing that it gives depends on the first token alone/,
    );
    expect(windowsOf(await pooled("cls", { merge: "reader" })).window_merge).toBe("reader");
    // AutoModel opens the base model, whose first token a reader would be.
    expect(windowsOf(await pooled("mean", {})).window_merge).toBe("mean");
    expect(windowsOf(await pooled("cls", {}))).not.toHaveProperty("window_merge");
  });

  test.each(others)("%s reads long inputs already", async (modelType) => {
    expect(await refusal(planOf(fixture(modelType)))).toMatch(
      /reads long inputs already.* Use --to longformer/,
    );
  });

  test("windows that would be too short", async () => {
    const { positions } = architectures.find(({ modelType }) => modelType === "bert") ?? {};
    expect(positions?.kind).toBe("table");
    const plan = changed(BERT, {
      config: { max_position_embeddings: 7 },
      tensors: (all) => {
        const name = "bert.embeddings.position_embeddings.weight";
        const table = all.get(name);
        if (table) all.set(name, { ...table, shape: [7, 32], bytes: table.bytes.subarray(0, 7 * 32 * 4) });
      },
    });
    expect(await refusal(plan)).toMatch(/it reads 7 tokens, and a window has 8 at least/);
  });
});
