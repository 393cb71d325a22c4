import { performance } from "node:perf_hooks";
import type { Head, HeadOutput } from "../architectures/architecture.js";
import { isBase, TASKS, taskOf } from "../architectures/tasks.js";
import { affordedTokens } from "../attention/score-memory.js";
import { outgrowsTable } from "../attention/variants.js";
import { firstTokenUse } from "../attention/windows.js";
import type { Device } from "../base/device-names.js";
import { CheckpointError, LimitError, systemErrorCode } from "../base/errors.js";
import { readGenerationSettings } from "../model/generation-settings.js";
import type { Model } from "../model/model.js";
import { encoderGraph, headGraph, modelGraph } from "../onnx/graph.js";
import { headForTask } from "../onnx/tasks.js";
import { type Batch, withChoices } from "./batch.js";
import { bytesForScores } from "./free-memory.js";
import type { GraphHost } from "./graph-host.js";
import { gatherTokens, type HeadQuestion, pickRows, pickTokens } from "./head-question.js";
import type { NodeShare } from "./node-shares.js";
import type { Encoded, Runnable } from "./runnable.js";
import type { Session } from "./session.js";
import { type FloatTensor, lastTokens, type NumberTensor } from "./tensors.js";
import type { Workspace } from "./workspace.js";

/** A runnable model in sessions of its own: whoever opened it closes it. */
export interface OpenRunnable extends Runnable {
  /** Which provider ran which share of the encoder's nodes; ends the profile that was asked for. */
  nodeShares(): Promise<NodeShare[]>;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface RunnableOptions {
  readonly host: GraphHost;
  readonly workspace: Workspace;
  readonly device: Device;
  /** Seed of lsh's random projections. */
  readonly lshSeed: number;
  /** For error messages: "the converted model". */
  readonly title: string;
  /** Layers of the encoder to run, from the first on; all by default. */
  readonly layers?: number;
  readonly profile?: boolean;
  /** Bytes that the scores of its attention may take; by default what the machine has for them. */
  readonly memory?: number;
  /** What is to follow the encoder: by default the model's own head, or the base class's (of most nothing). */
  readonly head?: "own" | "base" | "none";
  /** Tokens of the longest inputs, where no table of positions limits them. */
  readonly maxLength?: number | undefined;
}

/**
 * Opens a model: builds its graphs over the weights where they lie.
 * @throws CheckpointError if its tensors do not make a model, or the runtime refuses it.
 */
export async function openRunnable(model: Model, options: RunnableOptions): Promise<OpenRunnable> {
  const { host, workspace, device, lshSeed, title, layers, profile, memory, head: wanted = "own" } = options;
  const attention = model.attention();
  const place = await workspace.place(model.checkpoint);
  let slowest = 0;
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const begin = performance.now();
    const result = await work();
    slowest = Math.max(slowest, (performance.now() - begin) / 1000);
    return result;
  };
  const sizes =
    layers === undefined
      ? model.sizes
      : { ...model.sizes, layers, sharing: model.sizes.sharing && { ...model.sizes.sharing, perGroup: 1 } };
  const open = (path: string): Promise<Session> =>
    timed(() =>
      running(`${title} cannot be loaded`, () =>
        host.open(path, { device, ...(profile && { profile: workspace.folder }) }),
      ),
    );
  // Modules follow the base model.
  const task = wanted === "base" && !model.modules ? TASKS.Model.name : undefined;
  const encoderOptions = { attention, seed: lshSeed, globalAttention: "input", task } as const;
  const graphPath = await place.write(
    "encoder",
    encoderGraph({ ...model, sizes }, place.weights, encoderOptions),
  );
  const encoder = await open(graphPath);
  const head = wanted === "none" ? undefined : following(model, wanted === "own");
  const { ofTokens, ofParts } = splitHead(model, head);
  let headSession: Session | undefined;
  let partsSession: Session | undefined;
  const close = () => Promise.all([encoder, headSession, partsSession].map((session) => session?.close()));
  try {
    if (ofTokens) {
      headSession = await open(
        await place.write("head", headGraph(model, ofTokens, place.weights, attention)),
      );
    }
    if (ofParts) {
      const whole = { ...model, modules: undefined, source: { ...model.source, head: ofParts } };
      partsSession = await open(
        await place.write("whole", modelGraph(whole, place.weights, { attention, seed: lshSeed })),
      );
    }
  } catch (error) {
    await close();
    throw error;
  }
  const generation = readGenerationSettings(model.checkpoint.config, await model.contents());
  let closing: Promise<unknown> | undefined;
  const { maxLength: positions } = model.positions();
  const maxLength = (outgrowsTable(attention) && options.maxLength) || positions;
  return {
    model,
    head,
    headInputs: headSession?.inputNames ?? [],
    generation,
    maxLength,
    longest: affordedTokens(attention, {
      heads: model.sizes.heads,
      maxLength,
      bytes: memory ?? bytesForScores(),
    }),
    graphPath,
    slowest: () => slowest,
    nodeShares: () => encoder.nodeShares(),
    async encode(batch) {
      const { inputs, length } = batch;
      const results = await timed(() =>
        running(`${title} does not run at ${length} tokens`, () =>
          encoder.run(pick(inputs, encoder.inputNames)),
        ),
      );
      const states = output(results, "last_hidden_state");
      return { batch, states, hidden: lastTokens(states, length) };
    },
    async outputs(encoded, question) {
      if (!head) return { last_hidden_state: encoded.hidden };
      return { ...(await ofHead(encoded, question)), ...(await ofRows(encoded.batch, question)) };
    },
    close() {
      closing ??= close();
      return closing.then(() => {});
    },
  };

  async function ofHead({ batch, hidden, states }: Encoded, { tokens, decoderIds }: HeadQuestion) {
    const session = headSession;
    if (!session) return {};
    const shown = tokens && !model.architecture.decoder ? gatherTokens(hidden, tokens) : states;
    const inputs: Record<string, NumberTensor> = {
      ...batch.inputs,
      hidden_states: { ...shown, dtype: "float32" },
      ...(decoderIds && { decoder_input_ids: decoderIds }),
    };
    return timed(() =>
      running(`the head of ${title} does not run`, () => session.run(pick(inputs, session.inputNames))),
    );
  }

  /** What is computed of parts of rows. */
  async function ofRows({ inputs, length }: Batch, { tokens }: HeadQuestion) {
    const session = partsSession;
    if (!session || !ofParts) return {};
    const { hasChoices, outputByLabel } = taskOf(ofParts);
    const given = hasChoices ? withChoices(inputs) : inputs;
    const results = await timed(() =>
      running(`${title} does not run at ${length} tokens`, () =>
        session.run(pick(given, session.inputNames)),
      ),
    );
    if (!tokens) return results;
    const picked = Object.entries(results).map(([name, result]) => {
      return [name, outputByLabel ? pickTokens(result, tokens) : pickRows(result, tokens)] as const;
    });
    return Object.fromEntries(picked);
  }
}

/**
 * A head in two: what it computes of the encoder's tokens, and what it computes of parts of a row, of which it takes the
 * whole model.
 */
function splitHead(
  model: Model,
  head: Head | undefined,
): { readonly ofTokens: Head | undefined; readonly ofParts: Head | undefined } {
  const { architecture } = model;
  const reads = head && outgrowsTable(model.attention()) ? firstTokenUse(architecture, head) : "none";
  if (!head || reads === "none" || reads === "state") return { ofTokens: head, ofParts: undefined };
  const isOfToken = ([, { from }]: [string, HeadOutput]) => from === "tokens" && reads === "logits";
  const all = Object.entries(head.outputs);
  const some = (wanted: boolean) => {
    const outputs = all.filter((output) => isOfToken(output) === wanted);
    return outputs.length > 0 ? { ...head, outputs: Object.fromEntries(outputs) } : undefined;
  };
  return { ofTokens: some(true), ofParts: some(false) };
}

/** The class whose head is to be run, if something follows the encoder in it: a decoder or a head. */
function following({ architecture, source }: Model, own: boolean): Head | undefined {
  const head = headForTask(architecture, own ? source.head : undefined, undefined);
  return architecture.decoder || !isBase(head) ? head : undefined;
}

function pick(inputs: Readonly<Record<string, NumberTensor>>, names: readonly string[]) {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => names.includes(name)));
}

/** Our own folders in the runtime's messages: they name what is gone, and differ from run to run. */
const SCRATCH = /\S{0,200}lsg-verify-[^/\\]{0,300}[/\\](?:graph[^/\\]{0,9}|\d{1,9})[/\\]/g;

/** A place in the runtime's own code. */
const CODE = /\/onnxruntime_src\/\S+ .*\) (?=[A-Z])/s;

/** Of a message, which names of a stranger's graph may make as long as they please. */
const MAX_REASON = 1000;

/** Errors of the runtime come from what it is given, not from a bug: they name the model. */
export async function running<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (systemErrorCode(error) === "ABORT_ERR") throw error;
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
    const Kind = error instanceof LimitError ? LimitError : CheckpointError;
    const remedy = error instanceof CheckpointError ? error.remedy : undefined;
    throw new Kind(`${what}: ${reason.replaceAll(SCRATCH, "").replace(CODE, "")}`, remedy, { cause: error });
  }
}

function output(results: Readonly<Record<string, FloatTensor>>, name: string): FloatTensor {
  const found = results[name];
  if (!found) throw new CheckpointError(`the graph has no output ${name}`);
  return found;
}
