import { codeOf, outgrowsTable, resultVariant } from "../../attention/variants.js";
import { largestOf, smallestOf } from "../../base/extremes.js";
import { openWeights } from "../../checkpoint/weight-reader.js";
import { lengthChange } from "../../model/config.js";
import { isLocalModel, type LocalModel, type Model } from "../../model/model.js";
import type { OpenedModel } from "../../model/open.js";
import { parseRecordedOptions } from "../../options/options.js";
import { RECORD_FILE } from "../../plan/conversion-record.js";
import { planModel } from "../../plan/plan-source.js";
import type { ConversionPlan, ConversionRecord } from "../../plan/types.js";
import { counted } from "../../report/numbers.js";
import type { TokenIdMap } from "../../tokenizer/add-tokens.js";
import { tokenizerClassOf } from "../../tokenizer/class-name.js";
import { findTokens, type TokenizerFiles } from "../../tokenizer/vocabulary.js";
import { attempt, judge, type Outcome } from "../check.js";
import type { Recorder } from "../recorder.js";
import { checkLength } from "./length.js";
import { checkModeling, type ModelingSubject } from "./modeling.js";
import { checkPromise } from "./promise.js";
import { checkConfig, checkSideFiles } from "./side-files.js";
import { checkWeights } from "./weights.js";

export interface FolderSubject {
  readonly opened: OpenedModel;
  readonly record: ConversionRecord | undefined;
  readonly original: OpenedModel | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What the checks of files find. */
export interface FolderFindings {
  /** What lsg convert would do today with the original and the recorded options. */
  readonly plan: ConversionPlan | undefined;
  /** The converted model; undefined if it cannot be opened, or has full attention. */
  readonly converted: LocalModel | undefined;
  readonly modeling: ProvenModeling;
}

/** The Python files with which transformers may open the folder, as they were proven; or why it may not. */
export type ProvenModeling =
  | { readonly files: ReadonlyMap<string, Buffer> }
  | { readonly notRun: string; readonly remedy: string };

/** Compares every file of a converted folder with what the original and the recorded options ask for. */
export async function checkFolder(subject: FolderSubject, recorder: Recorder): Promise<FolderFindings> {
  const { opened, record, original, signal } = subject;
  const { source } = opened;
  let plan: ConversionPlan | undefined;
  if (original && record) {
    await recorder.look("plan", "conversion, planned again", async () => {
      plan = await planModel(original, parseRecordedOptions(record.options), record);
      return { verdict: "pass", detail: describePlan(plan) };
    });
  }
  let isAsPlanned = true;
  if (plan && original) {
    const [planned, read] = [plan, original.readFile];
    const compared = [
      await recorder.look("config", "config.json", () => checkConfig(source, planned, read)),
      await recorder.look("files", "tokenizer and other files", () => checkSideFiles(source, planned, read)),
    ];
    isAsPlanned = compared.every(({ verdict }) => verdict === "pass");
    await recorder.look("weights", "tensors", () => compareWeights(opened, planned, original, signal));
  }
  let converted: Model | undefined;
  await recorder.look("model", "model", async () => {
    const model = await (await opened.read()).model();
    const { architecture, source: own, tensors } = model;
    const isConverted = isLocalModel(model);
    converted = model;
    if (!isConverted) {
      return {
        verdict: "fail",
        detail: `config.json says ${own.className} with full attention, and lsg convert writes none of that`,
        remedy: "Verify a folder that lsg convert wrote.",
      };
    }
    return { verdict: "pass", detail: `${architecture.title}, ${own.className}, ${tensors.size} tensors` };
  });
  if (!converted) return { plan, converted: undefined, modeling: NOT_AS_PLANNED };
  const model = converted;
  const modeling = await lookAtModeling(
    {
      ...{ source, model, variant: resultVariant(model.attention().kind) },
      ...{ version: record?.lsg_version, isCompared: plan !== undefined },
      hasRecord: source.files.has(RECORD_FILE),
    },
    recorder,
  );
  if (record && isLocalModel(model)) {
    await recorder.look("promise", "lsg_conversion.json and config", async () =>
      checkPromise(record, model, model.attention()),
    );
  }
  const promised = plan?.record ?? record;
  const tokens = promised?.added_tokens;
  if (tokens) {
    const contents = await model.contents();
    await recorder.look("added-tokens", "added tokens", async () =>
      checkAddedTokens(contents, model, tokens),
    );
  }
  if (promised || !source.files.has(RECORD_FILE)) {
    const { from, to } = promised?.max_sequence_length ?? {};
    const length =
      plan?.length ??
      (from && to ? lengthChange(model.architecture, from, to, outgrowsTable(model.attention())) : undefined);
    await recorder.look("length", "length", () => checkLength(source, model, length));
  }
  return {
    plan,
    converted: isLocalModel(model) ? model : undefined,
    modeling: isAsPlanned || "notRun" in modeling ? modeling : NOT_AS_PLANNED,
  };
}

const NOT_AS_PLANNED: ProvenModeling = {
  notRun: "a folder whose files are not as planned is not opened with Python",
  remedy: "Convert the original again.",
};

const FOREIGN: ProvenModeling = {
  notRun: "Python code that does not come with lsg is not run",
  remedy: "The check of the modelling code says what is foreign, and what to do.",
};

/** For a folder without modelling code only unexpected files are reported. */
async function lookAtModeling(subject: ModelingSubject, recorder: Recorder): Promise<ProvenModeling> {
  let proven: ProvenModeling = FOREIGN;
  const title = "modelling code for transformers";
  recorder.begin(title);
  const check = await attempt("modeling", title, async () => {
    const { outcome, files } = await checkModeling(subject);
    if (files) proven = { files };
    return outcome;
  });
  if (check.verdict !== "pass" || codeOf(subject.variant)) recorder.add(check);
  return proven;
}

async function compareWeights(
  opened: OpenedModel,
  plan: ConversionPlan,
  original: OpenedModel,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const checkpoint = await opened.found();
  const readers = await Promise.all(
    [await original.checkpoint(), checkpoint].map((one) => openWeights(one, () => ({ signal }))),
  );
  try {
    const [before, after] = readers as [(typeof readers)[0], (typeof readers)[0]];
    return await checkWeights({ plan, checkpoint, original: before, converted: after }, signal);
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

function describePlan({ record, shards, sideFiles }: ConversionPlan): string {
  const { from, to } = record.max_sequence_length;
  const tensors = shards.reduce((sum, shard) => sum + shard.tensors.size, 0);
  return `${record.architecture}, ${from} → ${to} tokens, ${tensors} tensors, ${sideFiles.length + 1} other files`;
}

/** Checks that tokens that a conversion added are in the tokenizer with their ids, and have rows in the embeddings. */
function checkAddedTokens(
  files: TokenizerFiles,
  { architecture, sizes }: Model,
  tokens: TokenIdMap,
): Outcome {
  const found = findTokens(Object.keys(tokens), files, tokenizerClassOf(files, architecture.tokenizerClass));
  const findings = Object.entries(tokens).flatMap(([token, id]) => {
    const own = found.get(token);
    if (own?.id !== id) {
      return [`${token} ${own ? `has the id ${own.id} in ${own.foundIn}` : "is in no file"}, expected ${id}`];
    }
    return id < sizes.vocab ? [] : [`${token} has the id ${id}, the model knows ${sizes.vocab} words`];
  });
  const ids = Object.values(tokens);
  return judge(
    findings,
    `${counted(ids.length, "token")}, ids ${smallestOf(ids)} to ${largestOf(ids)}; the model knows ${sizes.vocab} words`,
    `${counted(findings.length, "fault")} in the added tokens`,
    "Convert the original again.",
  );
}
