import { configClass } from "../architectures/class-names.js";
import { LsgError } from "../base/errors.js";
import { GRAPH_DTYPES, type GraphDtype } from "../base/graph-dtypes.js";
import { whileUnchanged } from "../checkpoint/watch.js";
import type { LocalModel, Model } from "../model/model.js";
import type { OpenedModel } from "../model/open.js";
import { ownComputation } from "../model/own-computation.js";
import { DEFAULT_SEED } from "../options/schemas.js";
import { RECORD_FILE, readRecord } from "../plan/conversion-record.js";
import type { FoundOriginal } from "../plan/find-original.js";
import { targetLength } from "../plan/positions.js";
import type { ConversionRecord } from "../plan/types.js";
import { drawnAttention } from "../report/attention-shape.js";
import type { AttentionShape } from "../report/table.js";
import type { DeviceFinding } from "../runtime/devices.js";
import { bytesForScores } from "../runtime/free-memory.js";
import { type GraphHost, inOwnProcess, inThisProcess } from "../runtime/graph-host.js";
import { NO_LIMITS, requireLimits } from "../runtime/limits.js";
import { loadRuntime, type Runtime } from "../runtime/runtime.js";
import { attempt } from "./check.js";
import { checkFolder } from "./folder/checks.js";
import { kindOf } from "./folder/kind.js";
import { checkSource, nameOf } from "./folder/source.js";
import { checkModel } from "./model/checks.js";
import { createRecorder, type Listener, type Recorder } from "./recorder.js";
import type { VerificationReport } from "./report/report-schema.js";
import { promiseWords } from "./report/wording.js";
import { summarise } from "./summary.js";
import { NO_ORIGINAL } from "./verdict.js";

export interface VerifyRequest {
  readonly converted: OpenedModel;
  readonly name: string;
  /** Finds the original by the folder's record, undefined where the folder has none; or asks for no comparison. */
  readonly findOriginal: (record: ConversionRecord | undefined) => Promise<FoundOriginal | "declined">;
  readonly device: DeviceFinding;
  /** Tokens of the inputs to look at; by default around the borders of blocks. */
  readonly lengths?: readonly number[] | undefined;
  readonly text?: string | undefined;
  /** Bytes that the scores of one model's attention may take; by default what the machine has for them. */
  readonly memory?: number | undefined;
  /** Of random inputs. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Proves that a converted folder is what it claims to be: its files against a conversion that is planned again
 * from the original, its outputs against the original's and against the definition of its attention. What
 * falls short is in the report, not thrown.
 * @throws LsgError for a request that cannot be met: a device or an original that is not there, an ordinary model, a file
 *   of either that changes meanwhile
 */
export async function verifyFolder(
  request: VerifyRequest,
  listener: Listener = {},
): Promise<VerificationReport> {
  const { signal } = request;
  const converted = request.converted.source;
  const sources = new Set([converted]);
  await converted.watch?.noteContents(signal);
  const findOriginal: VerifyRequest["findOriginal"] = async (record) => {
    const found = await request.findOriginal(record);
    if (found !== "declined" && "original" in found) {
      const { source } = found.original;
      await source.watch?.noteContents(signal);
      sources.add(source);
    }
    return found;
  };
  return whileUnchanged(sources, signal, () => makeChecks({ ...request, findOriginal }, listener));
}

async function makeChecks(request: VerifyRequest, listener: Listener): Promise<VerificationReport> {
  const { converted: opened, name, device, signal, seed } = request;
  const { source } = opened;
  requireLimits();
  const kind = await kindOf(opened, name);
  const runtime = await loadRuntime();
  const recorder = createRecorder(listener, signal);
  let record: ConversionRecord | undefined;
  const recordCheck = await attempt("record", RECORD_FILE, async () => {
    if (kind === "fine-tuned") return NO_RECORD;
    record = await readRecord(source);
    const { source: from, promise } = record;
    return {
      verdict: "pass",
      detail: `made from ${from.model}; ${promiseWords(promise)}`,
    };
  });
  const found = await request.findOriginal(record);
  const original = found !== "declined" && "original" in found ? found.original : undefined;
  const head = {
    converted: name,
    original: original?.source.name ?? null,
    device: { name: device.name, detail: device.detail },
    ...promisesOf(record),
  };
  listener.onHead?.(head);
  recorder.add(recordCheck);
  if (found === "declined") recorder.add(DECLINED);
  else if ("reason" in found) recorder.add(...(kind === "recorded" ? [nothingCompared(found.reason)] : []));
  else if (record) {
    const [from, recorded] = [found.original.source, record];
    await recorder.look("source", "the original, as converted", () => checkSource(from, recorded, signal));
  }

  const { plan, converted, modeling } = await checkFolder({ opened, record, original, signal }, recorder);
  const promised = plan?.record ?? record;
  const promise = promised?.promise ?? { lossless_up_to: 0, hidden_states_up_to: 0 };
  const lshSeed = promised?.options.seed;
  const measured =
    converted === undefined
      ? undefined
      : await checkModel(
          {
            host: hostOf(device, runtime, signal),
            device: device.name,
            converted,
            original: original && (await modelOf(original, recorder)),
            modeling,
            promise,
            lshSeed: typeof lshSeed === "number" ? lshSeed : DEFAULT_SEED,
            graphsPromised: graphsOf(promised),
            lengths: request.lengths,
            memory: request.memory ?? bytesForScores(),
            maxLength:
              promised?.max_sequence_length.to ?? targetLength(undefined, converted.positions().maxLength),
            text: request.text,
            seed,
            signal,
          },
          recorder,
        );
  const report: Omit<VerificationReport, "verdict" | "summary"> = {
    format_version: 2,
    ...head,
    ...(promised ? promisesOf(promised) : classOf(converted)),
    attention: shapeOf(converted),
    seed,
    lengths: request.lengths ?? null,
    looked_up_to: measured?.looked ?? null,
    checks: recorder.checks,
    differences: measured?.differences ?? [],
    costs: measured?.costs ?? [],
  };
  return { ...report, ...summarise(report, kind, original && nameOf(original.source)) };
}

/** What a folder says that training left without its record; an original that `--against` names is run beside it. */
const NO_RECORD = {
  verdict: "skipped",
  detail:
    `there is no ${RECORD_FILE}, as after a training, which does not copy it: nothing says what the weights should be, ` +
    "and nothing is compared with the source",
  remedy: "If it was not trained since its conversion, convert the original again.",
} as const;

const DECLINED = {
  id: "original",
  title: "the original",
  verdict: "skipped",
  detail: `nothing is compared with the original, as --against ${NO_ORIGINAL} asks`,
} as const;

/** What a model without a record says of itself. */
function classOf(converted: Model | undefined) {
  const { config = {}, architecture } = converted ?? {};
  return { model_type: architecture?.modelType ?? null, architecture: configClass(config) ?? null };
}

/** Where our own graphs are run: what a device's driver does to its process must not end this one. */
function hostOf({ name }: DeviceFinding, runtime: Runtime, signal: AbortSignal | undefined): GraphHost {
  return name === "cpu" ? inThisProcess(runtime) : inOwnProcess(() => NO_LIMITS, signal);
}

/** What a record says of the model; nulls where there is none. */
function promisesOf(record: ConversionRecord | undefined) {
  return {
    model_type: record?.model_type ?? null,
    architecture: record?.architecture ?? null,
    max_sequence_length: record?.max_sequence_length ?? null,
    lossless_up_to: record?.promise.lossless_up_to ?? null,
    hidden_states_up_to: record?.promise.hidden_states_up_to ?? null,
    why: record?.promise.why ?? null,
  };
}

/** The dtypes of the graphs that the conversion wrote. */
function graphsOf(record: ConversionRecord | undefined): GraphDtype[] {
  const asked = record?.options.onnx;
  return Array.isArray(asked) ? GRAPH_DTYPES.filter((dtype) => asked.includes(dtype)) : [];
}

/**
 * The original as a model, as it is: what `--model-kwargs` changed would otherwise be compared with itself. Undefined
 * for one of whose outputs nothing is known.
 */
async function modelOf(original: OpenedModel, recorder: Recorder): Promise<Model | undefined> {
  try {
    const model = await original.model();
    // Keys that make no attention are found here, before anything is run.
    model.attention();
    const own = ownComputation(model);
    if (!own) return model;
    recorder.add(nothingCompared(own.why, "Its files, weights and config are compared all the same."));
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    recorder.add(nothingCompared(`it cannot be run: ${error.message}`));
  }
  return undefined;
}

function nothingCompared(reason: string, remedy = "Name it: --against FOLDER_OR_HUB_MODEL.") {
  return {
    id: "original",
    title: "the original",
    verdict: "skipped",
    detail: `NOTHING WAS COMPARED with the original: ${reason}`,
    remedy,
  } as const;
}

/** The attention, where it is one of blocks, which pictures show. */
function shapeOf(converted: LocalModel | undefined): AttentionShape | null {
  if (!converted) return null;
  const shape = drawnAttention(converted.attention(), converted.isCausal);
  return shape.window === undefined ? shape : null;
}
