import { tmpdir } from "node:os";
import { classKeyOf } from "../../architectures/class-names.js";
import { taskOf } from "../../architectures/tasks.js";
import { FULL } from "../../attention/variants.js";
import type { Device } from "../../base/device-names.js";
import { OptionError } from "../../base/errors.js";
import type { GraphDtype } from "../../base/graph-dtypes.js";
import type { LocalModel, Model } from "../../model/model.js";
import { readerGraph } from "../../onnx/windows/reader-alone.js";
import type { Promised } from "../../plan/types.js";
import { type GraphHost, inOwnProcess } from "../../runtime/graph-host.js";
import { inputSource } from "../../runtime/input-source.js";
import { graphLimits } from "../../runtime/limits.js";
import {
  type OpenRunnable,
  openRunnable,
  type RunnableOptions,
  running,
} from "../../runtime/open-runnable.js";
import type { Runnable } from "../../runtime/runnable.js";
import type { Session } from "../../runtime/session.js";
import { openTokenizer, type TextTokenizer } from "../../runtime/text-tokenizer.js";
import { openWorkspace, type Workspace } from "../../runtime/workspace.js";
import { findSpecialTokens } from "../../tokenizer/special-tokens.js";
import { asOutputError } from "../../write/output-errors.js";
import type { OpCheck } from "../attention/check-op.js";
import { checkOps, opsOf } from "../attention/check-ops.js";
import type { LongCheck } from "../attention/compare-by-hand.js";
import { proofOf } from "../attention/variants.js";
import { type DifferenceAt, failureOf } from "../check.js";
import type { ProvenModeling } from "../folder/checks.js";
import { checkGraphs, graphLengths } from "../graph/checks.js";
import { DECODER_LENGTHS } from "../graph/generation-steps.js";
import type { GraphCheck } from "../graph/graph-check.js";
import { checkTransformers } from "../python/check-transformers.js";
import type { Recorder } from "../recorder.js";
import type { CostAt } from "../report/report-schema.js";
import { SAMPLE_TEXT } from "../sample-text.js";
import { checkGeneration } from "./check-generation.js";
import { measureCost } from "./cost.js";
import { checkDevice, checkNodes } from "./device.js";
import { measureDrift } from "./drift.js";
import { checkLossless, losslessTitle } from "./lossless.js";
import { checkPredictions } from "./predictions.js";
import { checkReach } from "./reach.js";
import type { Subject } from "./subject.js";
import { checkSweep } from "./sweep.js";
import { unafforded } from "./unafforded.js";

export interface ModelChecks {
  /** Where our own graphs are run. */
  readonly host: GraphHost;
  readonly device: Device;
  readonly converted: LocalModel;
  readonly original: Model | undefined;
  readonly modeling: ProvenModeling;
  readonly promise: Promised;
  /** Seed of lsh's projections, as the conversion recorded it. */
  readonly lshSeed: number;
  /** The dtypes of the graphs that the conversion was asked for. */
  readonly graphsPromised: readonly GraphDtype[];
  readonly lengths: readonly number[] | undefined;
  /** Bytes that the scores of one model's attention may take. */
  readonly memory: number;
  /** Tokens of the longest inputs that the folder is for, where no table limits them. */
  readonly maxLength: number;
  readonly text: string | undefined;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/** What the models computed, for pictures. */
export interface ModelFindings {
  readonly differences: readonly DifferenceAt[];
  readonly costs: readonly CostAt[];
  /** Tokens of the longest inputs with which the model was run, and compared; undefined where it was not. */
  readonly looked: { readonly run: number; readonly compared: number } | undefined;
}

/**
 * Runs the converted model, and beside it the original.
 * @throws OptionError if `--lengths` names a length that the model cannot read
 */
export async function checkModel(checks: ModelChecks, recorder: Recorder): Promise<ModelFindings> {
  const { source } = checks.converted.checkpoint;
  const workspace = await openWorkspace(source, checks.signal).catch((error: unknown) => {
    throw asOutputError(error, tmpdir());
  });
  const opened: Closable[] = [checks.host];
  const keep: Keep = (one) => {
    opened.push(one);
    return one;
  };
  const open = async (model: Model, title: string, more: Partial<RunnableOptions> = {}) => {
    const { host, device, lshSeed, memory, maxLength } = checks;
    const options = { host, workspace, device, lshSeed, memory, maxLength, title, ...more };
    return keep(await openRunnable(model, options));
  };
  try {
    return await runChecks(checks, { workspace, open, keep }, recorder);
  } catch (error) {
    // A full disk, most likely.
    throw asOutputError(error, workspace.folder);
  } finally {
    await Promise.allSettled(opened.map((one) => one.close()));
    await workspace.close();
  }
}

/** A class without its model type: a Longformer's equals its original's. */
function classOf({ architecture, source: { className } }: Model): string {
  return classKeyOf(architecture, className) ?? className;
}

interface Closable {
  close(): Promise<void>;
}

/** Notes what is closed when the checks end, however they end. */
type Keep = <T extends Closable>(one: T) => T;

interface Surroundings {
  readonly workspace: Workspace;
  readonly open: (model: Model, title: string, more?: Partial<RunnableOptions>) => Promise<OpenRunnable>;
  readonly keep: Keep;
}

async function runChecks(
  checks: ModelChecks,
  { workspace, open, keep }: Surroundings,
  recorder: Recorder,
): Promise<ModelFindings> {
  const { converted: model, original: source, device, signal, seed, lengths } = checks;
  const attention = model.attention();
  const proof = proofOf(attention);
  let tokenizer: TextTokenizer | undefined;
  let textIds: readonly number[] = [];
  let converted: OpenRunnable | undefined;
  let original: OpenRunnable | undefined;
  await recorder.look("load", "graphs over the weights", async () => {
    converted = await open(model, "the converted model");
    // A new head has nothing to be compared with, also where it is of the original's class and was missing.
    const isSame = source && classOf(source) === classOf(model);
    const head = isSame && source.holdsOwnHead() ? "own" : "none";
    original = source && (await open(source, "the original", { head }));
    const beside = `, the original beside it${isSame && head === "none" ? ", but for its head, which it lacks" : ""}`;
    return { verdict: "pass", detail: `on ${device}${original ? beside : ""}` };
  });
  if (!converted) return { differences: [], costs: [], looked: undefined };
  refuseLongLengths(lengths, converted);
  recorder.add(
    ...unafforded({
      converted: { ...converted, attention },
      original,
      promisedUpTo: checks.promise.hidden_states_up_to,
    }),
  );
  await recorder.look("tokenizer", "tokenizer", async () => {
    const opened = await openTokenizer(await model.contents(), SAMPLE_TEXT, signal);
    if ("reason" in opened)
      return { verdict: "skipped", detail: `${opened.reason}: inputs are random tokens only` };
    const own = keep(opened.tokenizer);
    textIds = await own.encode([checks.text, SAMPLE_TEXT].filter(Boolean).join(" "));
    tokenizer = own;
    return {
      verdict: "pass",
      detail: `a sample of 8 sentences has ${opened.ids.length} tokens`,
    };
  });
  const subject: Subject = {
    converted,
    original,
    attention,
    inputs: inputSource(model, textIds, {
      typed: (source ?? model).readsTokenTypes,
      words: Math.min(model.sizes.vocab, source?.sizes.vocab ?? model.sizes.vocab),
      without: proof.separators,
    }),
    promise: checks.promise,
    lengths,
    seed,
    signal,
  };
  const op: OpCheck = { ...checks, model, attention, longest: converted.longest };
  await recorder.look("attention-op", "attention op and its definition", () => checkOps(opsOf(op), op));
  if (proof.checkPlan) {
    const look = proof.checkPlan;
    await recorder.look("window-plan", "windows and their definition", () => look(op));
  }
  const differences = original ? await compareWithOriginal({ ...subject, original }, recorder) : [];
  if (proof.checkLong) {
    const look = proof.checkLong;
    await recorder.look("windows", "long inputs and each window alone", async () =>
      look(subject, await openLong(subject, checks, { workspace, open, keep })),
    );
  }
  await recorder.look("sweep", "alone, in a batch, padded", () => checkSweep(subject));
  await recorder.look("reach", "receptive field", () =>
    briefly(open(model, "the first layer", { layers: 1, head: "none" }), (layer) =>
      checkReach(subject, layer),
    ),
  );
  if (tokenizer) {
    const own = tokenizer;
    await recorder.look("predictions", "predictions", async () =>
      checkPredictions(subject, { tokenizer: own, mask: await maskToken(model), text: checks.text }),
    );
    await own.close();
  }
  await original?.close();
  const openBase: GraphCheck["openBase"] = (modules) =>
    open({ ...model, modules }, "the base model", { head: "base" });
  const { longest: tokens, slowest } = converted;
  const strangers = keep(
    inOwnProcess(() => graphLimits({ model, attention, tokens, seconds: slowest() }), signal),
  );
  const check: GraphCheck = {
    ...{
      graphHost: strangers,
      device,
      whole: model,
      model: converted,
      openBase,
      op,
      scratch: workspace.folder,
    },
    ...{
      inputs: subject.inputs,
      row: subject.inputs.random,
      rows: proof.hostileRows?.(subject),
      seed,
      signal,
    },
    lengths: (reach, dtype) => graphLengths(attention, reach, { dtype, asked: lengths }),
    decoderLengths: lengths ?? DECODER_LENGTHS,
  };
  await checkGraphs(checks.graphsPromised, check, recorder);
  await strangers.close();
  await recorder.look("transformers", "modelling code and graph", () =>
    checkTransformers(subject, {
      model,
      modeling: checks.modeling,
      scratch: workspace.folder,
      openOnCpu: async () =>
        device === "cpu" ? subject.converted : open(model, "the model on the CPU", { device: "cpu" }),
    }),
  );
  await recorder.look("nodes", "nodes by provider", () =>
    briefly(open(model, "the profiled model", { profile: true, head: "none" }), (profiled) =>
      checkNodes(subject, profiled, device),
    ),
  );
  if (device !== "cpu") {
    await recorder.look("device", `${device} and CPU agree`, () =>
      briefly(open(model, "the model on the CPU", { device: "cpu", head: "none" }), (onCpu) =>
        checkDevice(subject, onCpu),
      ),
    );
  }
  let costs: CostAt[] = [];
  await recorder.look("cost", "time and memory", async () => {
    const measured = await measureCost(subject, device);
    costs = measured.costs;
    return measured.outcome;
  });
  const compared = original && Math.min(original.longest, converted.longest);
  return { differences, costs, looked: { run: converted.longest, compared: compared ?? 0 } };
}

/** What the outputs of long inputs follow from: the original, or, where that lacks the head, the same weights as it has them. */
async function openLong(
  { original, converted }: Subject,
  { original: source, converted: model, host, device }: ModelChecks,
  { workspace, open, keep }: Surroundings,
): Promise<LongCheck> {
  const isWhole = original && (original.head !== undefined || converted.head === undefined);
  const own = { ...model, attention: () => FULL };
  const beside = isWhole && source ? source : own;
  const { weights, write } = await workspace.place(beside.checkpoint);
  const path = await write("reader", readerGraph(beside, weights));
  let reader: Session | undefined;
  return {
    title: isWhole ? "the original" : "the same weights with full attention",
    source: isWhole ? original : await open(own, "the model with full attention"),
    async reader(inputs) {
      reader ??= keep(await running("the reader cannot be loaded", () => host.open(path, { device })));
      const known = Object.entries(inputs).filter(([name]) => reader?.inputNames.includes(name));
      return reader.run(Object.fromEntries(known));
    },
  };
}

/** Uses a model for one look: a session keeps the memory of its largest run until it is closed. */
async function briefly<T>(
  opening: Promise<OpenRunnable>,
  use: (runnable: OpenRunnable) => Promise<T>,
): Promise<T> {
  const runnable = await opening;
  try {
    return await use(runnable);
  } finally {
    await runnable.close();
  }
}

async function maskToken({ contents, architecture }: Model) {
  return findSpecialTokens(await contents(), architecture.tokenizerClass).mask;
}

function refuseLongLengths(
  lengths: readonly number[] | undefined,
  { maxLength, longest }: Pick<Runnable, "maxLength" | "longest">,
): void {
  const long = lengths?.find((length) => length > longest);
  if (long === undefined) return;
  throw new OptionError(
    long > maxLength
      ? `--lengths ${long}: the model reads ${maxLength} tokens`
      : `--lengths ${long}: memory does not allow inputs of more than ${longest} tokens here`,
    "Name shorter inputs.",
  );
}

/** Compares outputs with the original's: what is promised, how far the rest is off, and what both write. */
async function compareWithOriginal(
  subject: Subject & { readonly original: Runnable },
  recorder: Recorder,
): Promise<DifferenceAt[]> {
  const differences: DifferenceAt[] = [];
  const run = async (id: string, title: string, look: typeof checkLossless) => {
    recorder.begin(title);
    try {
      const found = await look(subject);
      recorder.add(...found.checks);
      differences.push(...found.differences);
    } catch (error) {
      recorder.add(failureOf(id, title, error));
    }
  };
  const { original, converted } = subject;
  const { hidden_states_up_to: hidden } = subject.promise;
  if (hidden > 0) await run("lossless", losslessTitle(converted.model), checkLossless);
  const longest = Math.min(original.longest, converted.longest);
  if (hidden < longest) {
    await run("drift", "drift from the original", (all) => measureDrift(all, longest));
  }
  if (original.head && converted.head && taskOf(original.head).generates) {
    await recorder.look("generation", "generated tokens", () => checkGeneration(subject));
  }
  return differences;
}
