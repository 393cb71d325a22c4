import { generates } from "../../architectures/architecture.js";
import { findArchitecture } from "../../architectures/architectures.js";
import { classKeyOf } from "../../architectures/class-names.js";
import { modelingCode } from "../../architectures/modeling.js";
import { packageInfo } from "../../base/package.js";
import { openCheckpoint } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { openWeights } from "../../checkpoint/weight-reader.js";
import { openedClass } from "../../model/classes.js";
import { asModel, type ReadCheckpoint, type ReadModel, readCheckpoint, readerOf } from "../../model/open.js";
import { parseRecordedOptions } from "../../options/options.js";
import { RECORD_FILE } from "../../plan/conversion-record.js";
import { planCheckpoint } from "../../plan/plan-source.js";
import type { ConversionPlan, ConversionRecord } from "../../plan/types.js";
import type { Outcome } from "../attempt.js";
import type { Recorder } from "../recorder.js";
import { checkAddedTokens } from "./added-tokens.js";
import { checkConfig } from "./config.js";
import { checkLength } from "./length.js";
import { checkModeling } from "./modeling.js";
import { checkPromise } from "./promise.js";
import { checkSideFiles } from "./side-files.js";
import { checkWeights } from "./weights.js";

export interface FolderSubject {
  /** The converted folder. */
  readonly source: FileSource;
  readonly record: ConversionRecord | undefined;
  readonly original: ReadCheckpoint | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What looking at files alone brings up. */
export interface FolderFindings {
  /** What lsg convert would do today with the original and the recorded options. */
  readonly plan: ConversionPlan | undefined;
  /** The converted model; undefined if it cannot be opened. */
  readonly converted: ReadModel | undefined;
  /** The Python files that transformers runs; undefined if one of them does not come with lsg. */
  readonly modeling: readonly string[] | undefined;
}

/** Compares every file of a converted folder with what the original and the recorded options ask for. */
export async function checkFolder(subject: FolderSubject, recorder: Recorder): Promise<FolderFindings> {
  const { source, record, original, signal } = subject;
  let plan: ConversionPlan | undefined;
  if (original && record) {
    await recorder.look("plan", "conversion, planned again", async () => {
      plan = await planCheckpoint(original, parseRecordedOptions(record.options), record);
      return { verdict: "pass", detail: describePlan(plan) };
    });
  }
  if (plan && original) {
    const [planned, read] = [plan, readerOf(original)];
    const mayGenerate = await isGenerator(planned.record);
    await recorder.look("config", "config.json", () => checkConfig(source, planned, read, mayGenerate));
    await recorder.look("files", "tokenizer and other files", () =>
      checkSideFiles(source, planned, read, mayGenerate),
    );
    await recorder.look("weights", "tensors", () => compareWeights(source, planned, original, signal));
  }
  let converted: ReadModel | undefined;
  await recorder.look("model", "model", async () => {
    converted = await asModel(await readCheckpoint(source, { signal }));
    const { architecture, source: own, tensors } = converted.model;
    if (!converted.attention) {
      return {
        verdict: "fail",
        detail: `config.json says ${own.className} without LSG or Longformer attention`,
        remedy: "Verify a folder that lsg convert wrote.",
      };
    }
    return { verdict: "pass", detail: `${architecture.title}, ${own.className}, ${tensors.size} tensors` };
  });
  let modeling: readonly string[] | undefined;
  if (!converted) return { plan, converted, modeling };
  const { model } = converted;
  if (converted.attention?.kind !== "longformer") {
    await recorder.look("modeling", "modelling code for transformers", async () => {
      const version = record?.lsg_version ?? packageInfo().version;
      const code = modelingCode(model.architecture, version);
      const outcome = await checkModeling(source, model, code, version);
      if (outcome.verdict === "pass") modeling = [...code.files.keys()];
      return outcome;
    });
  } else if (model.config.auto_map === undefined) {
    // transformers has Longformer's code itself.
    modeling = [];
  }
  const { attention } = converted;
  if (record && attention) {
    await recorder.look("promise", "lsg_conversion.json and config", async () =>
      checkPromise(record, model, attention),
    );
  }
  const promised = plan?.record ?? record;
  const tokens = promised?.added_tokens;
  if (tokens) {
    const { contents } = converted.read;
    await recorder.look("added-tokens", "added tokens", async () =>
      checkAddedTokens(contents, model, tokens),
    );
  }
  if (promised || !source.files.has(RECORD_FILE)) {
    await recorder.look("length", "length", () => checkLength(source, model, promised?.max_sequence_length));
  }
  return { plan, converted: converted.attention && converted, modeling };
}

async function compareWeights(
  source: FileSource,
  plan: ConversionPlan,
  original: ReadCheckpoint,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const checkpoint = await openCheckpoint(source, { signal });
  const readers = await Promise.all(
    [original.checkpoint, checkpoint].map((one) => openWeights(one, () => ({ signal }))),
  );
  try {
    const [before, after] = readers as [(typeof readers)[0], (typeof readers)[0]];
    return await checkWeights({ plan, checkpoint, original: before, converted: after }, signal);
  } finally {
    await Promise.all(readers.map((reader) => reader.close()));
  }
}

/** Whether the class of a conversion's result generates. */
async function isGenerator({ model_type, architecture: className }: ConversionRecord): Promise<boolean> {
  const architecture = await findArchitecture(model_type);
  const head = architecture.heads[classKeyOf(architecture, openedClass(className, architecture)) ?? ""];
  return head !== undefined && generates(head);
}

function describePlan({ record, shards, sideFiles }: ConversionPlan): string {
  const { from, to } = record.max_sequence_length;
  const tensors = shards.reduce((sum, shard) => sum + shard.tensors.size, 0);
  return `${record.architecture}, ${from} → ${to} tokens, ${tensors} tensors, ${sideFiles.length + 1} other files`;
}
