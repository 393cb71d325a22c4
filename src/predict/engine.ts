import { basename, join } from "node:path";
import { taskOf } from "../architectures/tasks.js";
import type { Device } from "../base/device-names.js";
import { OptionError } from "../base/errors.js";
import { type GraphDtype, inDtype } from "../base/graph-dtypes.js";
import { GENERATION_FILES, GRAPH_FILE, graphFiles } from "../checkpoint/graph-files.js";
import type { Model } from "../model/model.js";
import { exportedGraphs } from "../onnx/exported-graphs.js";
import { headForTask } from "../onnx/tasks.js";
import { graphSeed } from "../plan/conversion-record.js";
import type { Batch } from "../runtime/batch.js";
import type { GraphHost } from "../runtime/graph-host.js";
import { gatherTokens } from "../runtime/head-question.js";
import { openRunnable, running } from "../runtime/open-runnable.js";
import type { Session } from "../runtime/session.js";
import type { FloatTensor } from "../runtime/tensors.js";
import { bringFile, type Workspace } from "../runtime/workspace.js";
import type { PredictionKind } from "./kinds.js";
import { openWriter, type Writer } from "./writer.js";

/** What runs a model's graphs. */
export interface Engine {
  /**
   * By the names that exported graphs have: `logits`, `start_logits`, `last_hidden_state`, `sentence_embedding` …; of a
   * model that scores words or writes texts the encoder's `last_hidden_state` alone.
   */
  outputs(batch: Batch): Promise<Readonly<Record<string, FloatTensor>>>;
  /** Scores of all words in some places of a batch of one row, (places, vocabulary). */
  wordScores?(batch: Batch, places: readonly number[]): Promise<FloatTensor>;
  /** Writes a text behind a batch of one row. */
  readonly writer?: Writer;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly host: GraphHost;
  readonly workspace: Workspace;
  readonly device: Device;
  readonly kind: PredictionKind;
  /** A task of optimum's; by default what the checkpoint is for. */
  readonly task: string | undefined;
}

/**
 * A model's weights in graphs that are built for them, in float32.
 * @throws CheckpointError if its tensors make no model, OptionError for a task that it has no head for
 */
export async function openWeights(model: Model, options: EngineOptions): Promise<Engine> {
  const { host, workspace, device, kind, task } = options;
  const { source } = model.checkpoint;
  const seed = await graphSeed(source, undefined);
  if (kind === "words") {
    const runnable = await openRunnable(model, {
      host,
      workspace,
      device,
      lshSeed: seed,
      title: source.name,
    });
    return {
      async outputs(batch) {
        const { hidden } = await runnable.encode(batch);
        return { last_hidden_state: hidden };
      },
      async wordScores(batch, places) {
        const encoded = await runnable.encode(batch);
        // The first token stands before the others: a head may look there.
        const tokens = [0, ...places];
        const outputs = await runnable.outputs(encoded, { tokens: [{ row: 0, tokens }] });
        const scores = wordsOf(outputs);
        return { dims: scores.dims.slice(1), values: scores.values };
      },
      close: () => runnable.close(),
    };
  }
  const place = await workspace.place(model.checkpoint);
  const graphs = exportedGraphs(model, place.weights, { attention: model.attention(), seed, task });
  const open = async (file: string) => {
    const graph = graphs.get(file);
    if (!graph) throw new Error(`there is no graph ${file}`);
    const path = await place.write(basename(file, ".onnx"), graph);
    return running(`${source.name} cannot be loaded`, () => host.open(path, { device }));
  };
  return kind === "text" ? openPair(model, open) : openWhole(model, await open(GRAPH_FILE));
}

/**
 * The graphs of one dtype that lie in a folder.
 * @throws OptionError if there are none, or none for the task
 */
export async function openExported(
  model: Model,
  dtype: GraphDtype,
  { host, workspace, device, kind, task }: EngineOptions,
): Promise<Engine> {
  const { source, weightFiles } = model.checkpoint;
  const head = headForTask(model.architecture, model.source.head, undefined);
  const files = graphFiles(source, taskOf(head).generates ?? false, dtype);
  if (files.length === 0 || task !== undefined) {
    throw new OptionError(
      task === undefined
        ? `${source.name} has no graph in ${dtype}`
        : `--task ${task} reads the weights, and --dtype ${dtype} a graph that is there`,
      task === undefined ? `Write one with: lsg export FOLDER --onnx ${dtype}` : "Leave one of them out.",
    );
  }
  const folder = join(workspace.folder, `graph-${dtype}`);
  const beside = files.some((path) => !path.includes("/")) ? weightFiles.map(({ path }) => path) : [];
  for (const path of [...files, ...beside]) await bringFile(source, path, folder);
  const open = (file: string) => {
    const path = files.find((path) => basename(path) === inDtype(file, dtype));
    if (path === undefined) throw new OptionError(`${source.name} has no ${inDtype(file, dtype)}`);
    return running(`${path} cannot be loaded`, () => host.open(join(folder, path), { device }));
  };
  if (kind === "text") return openPair(model, open);
  const whole = openWhole(model, await open(GRAPH_FILE));
  if (kind !== "words") return whole;
  return {
    ...whole,
    async wordScores(batch, places) {
      const scores = wordsOf(await whole.outputs(batch));
      const picked = gatherTokens(scores, [{ row: 0, tokens: [0, ...places] }]);
      return { dims: picked.dims.slice(1), values: picked.values };
    },
  };
}

function openWhole(model: Model, session: Session): Engine {
  const { name } = model.checkpoint.source;
  return {
    outputs: ({ inputs, length }) =>
      running(`${name} does not run at ${length} tokens`, () => session.run(known(inputs, session))),
    close: () => session.close(),
  };
}

async function openPair(model: Model, open: (file: string) => Promise<Session>): Promise<Engine> {
  const encoder = await open(GENERATION_FILES.encoder);
  const decoder = await open(GENERATION_FILES.merged);
  const encode = ({ inputs, length }: Batch) =>
    running(`${model.checkpoint.source.name} does not run at ${length} tokens`, () =>
      encoder.run(known(inputs, encoder)),
    );
  return {
    outputs: encode,
    writer: openWriter(model, encode, decoder),
    async close() {
      await encoder.close();
      await decoder.close();
    },
  };
}

function known(inputs: Batch["inputs"], { inputNames }: Session): Batch["inputs"] {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => inputNames.includes(name)));
}

/** The scores of words among the outputs of a head that may have others. */
function wordsOf(outputs: Readonly<Record<string, FloatTensor>>): FloatTensor {
  const found = outputs.logits ?? outputs.prediction_logits;
  if (!found) throw new Error("the head has no scores of words");
  return found;
}
