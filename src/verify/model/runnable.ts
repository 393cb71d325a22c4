import type { Head } from "../../architecture.js";
import type { Device } from "../../device-names.js";
import { CheckpointError } from "../../errors.js";
import { headGraph, modelGraph } from "../../onnx/graph.js";
import type { Model } from "../../plan/model.js";
import { positionTable } from "../../plan/place.js";
import type { NodeShare } from "../node-shares.js";
import type { ReadModel } from "../read-model.js";
import type { Runtime } from "../runtime.js";
import { type FloatTensor, openSession, type Session } from "../session.js";
import type { Batch } from "./batch.js";
import type { Workspace } from "./workspace.js";

/** A model that can be run. Base model and head are graphs of their own: a head need not see every token. */
export interface Runnable {
  readonly model: Model;
  readonly head: Head | undefined;
  /** Tokens that its position table reaches. */
  readonly longest: number;
  /** Where the base model's graph lies. */
  readonly graphPath: string;
  /** @returns (batch, length, hidden) */
  hidden(batch: Batch): Promise<FloatTensor>;
  /** @param hidden (batch, tokens, hidden), the first token among them. @returns by output name */
  outputs(hidden: FloatTensor): Promise<Record<string, FloatTensor>>;
  /** Which provider ran which share of the base model's nodes; ends the profile that was asked for. */
  nodeShares(): Promise<NodeShare[]>;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface RunnableOptions {
  readonly runtime: Runtime;
  readonly workspace: Workspace;
  readonly device: Device;
  /** Seed of lsh's random projections. */
  readonly lshSeed: number;
  /** For error messages: "the converted model". */
  readonly title: string;
  /** Layers to run, from the first on; all by default. */
  readonly layers?: number;
  readonly profile?: boolean;
  /** Whether to open the head as well; by default. */
  readonly head?: boolean;
}

/**
 * Opens a model: builds its graphs over the weights where they lie.
 * @throws CheckpointError if its tensors do not make a model, or the runtime refuses it.
 */
export async function openRunnable(
  { read, model, lsg }: ReadModel,
  { runtime, workspace, device, lshSeed, title, layers, profile, head: wantsHead = true }: RunnableOptions,
): Promise<Runnable> {
  const place = await workspace.place(read.checkpoint);
  const sizes = layers === undefined ? model.sizes : { ...model.sizes, layers, layersPerGroup: 1 };
  const open = (path: string): Promise<Session> =>
    running(`${title} cannot be loaded`, () => openSession(runtime, path, { device, profile }));
  const graphPath = await place.write(
    "base",
    modelGraph({ ...model, sizes }, place.weights, { lsg, task: "feature-extraction", seed: lshSeed }),
  );
  const base = await open(graphPath);
  const head = wantsHead && layers === undefined ? headOf(model) : undefined;
  let headSession: Session | undefined;
  try {
    headSession = head && (await open(await place.write("head", headGraph(model, head, place.weights))));
  } catch (error) {
    await base.close();
    throw error;
  }
  let closing: Promise<unknown> | undefined;
  return {
    model,
    head,
    longest: positionTable(model).usable,
    graphPath,
    nodeShares: () => base.nodeShares(),
    async hidden({ inputs }) {
      const known = Object.entries(inputs).filter(([name]) => base.inputNames.includes(name));
      const length = inputs.input_ids?.dims[1] ?? 0;
      const results = await running(`${title} does not run at ${length} tokens`, () =>
        base.run(Object.fromEntries(known)),
      );
      return output(results, "last_hidden_state");
    },
    async outputs(hidden) {
      if (!headSession) return {};
      return running(`the head of ${title} does not run`, () =>
        headSession.run({ hidden_states: { ...hidden, dtype: "float32" } }),
      );
    },
    close() {
      closing ??= Promise.all([base.close(), headSession?.close()]);
      return closing.then(() => {});
    },
  };
}

/** The head, if it computes something. */
function headOf({ source: { head } }: Model): Head | undefined {
  return head && Object.keys(head.outputs).length > 0 ? head : undefined;
}

/** Our own folders in the runtime's messages: they name what is gone, and differ from run to run. */
const SCRATCH = /\S*lsg-verify-[^/\\]*[/\\](?:graph|\d+)[/\\]/g;

/** A place in the runtime's own code. */
const CODE = /\/onnxruntime_src\/\S+ .*\) (?=[A-Z])/s;

/** Errors of the runtime come from what it is given, not from a bug: they name the model. */
export async function running<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${what}: ${reason.replaceAll(SCRATCH, "").replace(CODE, "")}`, undefined, {
      cause: error,
    });
  }
}

function output(results: Readonly<Record<string, FloatTensor>>, name: string): FloatTensor {
  const found = results[name];
  if (!found) throw new CheckpointError(`the graph has no output ${name}`);
  return found;
}
