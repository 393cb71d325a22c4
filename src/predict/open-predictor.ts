import { TASKS } from "../architectures/tasks.js";
import type { DEVICES } from "../base/device-names.js";
import { CheckpointError, OptionError } from "../base/errors.js";
import type { GraphDtype } from "../base/graph-dtypes.js";
import { openSource } from "../checkpoint/open-source.js";
import type { Model } from "../model/model.js";
import { openModel } from "../model/open.js";
import { exported } from "../onnx/tasks.js";
import { type Batch, makeBatch } from "../runtime/batch.js";
import { chooseDevice } from "../runtime/devices.js";
import { inOwnProcess, inThisProcess } from "../runtime/graph-host.js";
import { inputSource, withGlobals } from "../runtime/input-source.js";
import { NO_LIMITS } from "../runtime/limits.js";
import { loadRuntime } from "../runtime/runtime.js";
import type { FloatTensor } from "../runtime/tensors.js";
import { type AlignedTokens, openTokenizer, type TextTokenizer } from "../runtime/text-tokenizer.js";
import { openWorkspace } from "../runtime/workspace.js";
import { batchesByLength } from "./batches.js";
import { labelNames } from "./classes.js";
import { type DocumentOptions, predictDocuments } from "./documents.js";
import { type Engine, openExported, openWeights } from "./engine.js";
import { type InWindowsOptions, inWindows } from "./in-windows.js";
import { predictionKind } from "./kinds.js";
import { piecesOf } from "./pieces.js";
import type { Predictor, RowOutputs, TokenRow } from "./predictor.js";
import { reach, readsAtOnce } from "./reach.js";

export interface PredictorOptions extends DocumentOptions, InWindowsOptions {
  /** A task of optimum's: `feature-extraction` for embeddings of any model; by default what its head is for. */
  readonly task?: string | undefined;
  /** Which of the folder's graphs to run; by default the weights, in float32. */
  readonly dtype?: GraphDtype | undefined;
  readonly device?: (typeof DEVICES)[number] | undefined;
  /** Hub branch, tag or commit. */
  readonly revision?: string | undefined;
  /**
   * Tokens that the model is to read at once, special ones included: of a source in windows of one; by default what its
   * files tell their readers, of a source in windows as many as its table of positions reaches.
   */
  readonly maxLength?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

/**
 * Opens a model to predict with: a folder or a Hub model, a source or a converted one.
 * @throws CheckpointError for a model without a tokenizer that can be opened here, or that cannot be run; OptionError
 *   for a task, dtype, length or reading that it has not; DeviceError for a device that is not there
 */
export async function openPredictor(name: string, options: PredictorOptions = {}): Promise<Predictor> {
  const { task, dtype, device: wanted = "cpu", signal, onStep, revision } = options;
  const source = await openSource(name, { revision, signal, onStep });
  const opened = await openModel(source, { transfer: { signal } }).read();
  const asItself = await (await opened.model()).withModules();
  const { head, modules } = exported(asItself, task);
  const kind = predictionKind(modules ? undefined : head);
  const readable = await lengthOf(asItself, options.maxLength);
  const isInWindows = options.reading === "windows";
  const model = isInWindows ? await inWindows(opened, asItself, options) : asItself;
  if (model !== asItself && dtype !== undefined) {
    throw new OptionError(
      `--dtype ${dtype} runs a graph that is there, and --reading windows one of windows`,
      "Leave one of them out, or convert the model (lsg convert --to windows).",
    );
  }
  const maxLength = isInWindows ? Number.POSITIVE_INFINITY : readable;
  const { name: device } = await chooseDevice(wanted);
  const runtime = await loadRuntime();
  const tokenizer = await tokenizerOf(await model.contents(), source.name, signal);
  const workspace = await openWorkspace(source, signal);
  // Graphs of ours run on the CPU in this process; those that lie in a folder are anybody's.
  const isOurs = device === "cpu" && dtype === undefined;
  const host = isOurs ? inThisProcess(runtime) : inOwnProcess(() => NO_LIMITS, signal);
  let engine: Engine | undefined;
  const close = async () => {
    await tokenizer.close();
    await engine?.close();
    await host.close();
    await workspace.close();
  };
  try {
    const opening = { host, workspace, device, kind, task };
    engine = await (dtype === undefined ? openWeights(model, opening) : openExported(model, dtype, opening));
  } catch (error) {
    await close();
    throw error;
  }
  // Of a row in small integers the scale follows from all rows of its batch.
  const runsAlone = dtype === "q8" || dtype === "q4";
  return predictorOf({ model, kind, maxLength, tokenizer, engine, runsAlone, close }, options);
}

interface Parts extends Pick<Predictor, "model" | "kind" | "maxLength" | "tokenizer" | "close"> {
  readonly engine: Engine;
  readonly runsAlone: boolean;
}

function predictorOf({ engine, runsAlone, ...parts }: Parts, options: DocumentOptions): Predictor {
  const { model, tokenizer, maxLength } = parts;
  const reading = options.reading === "chunks" ? "chunks" : "cut";
  const { padId } = inputSource(model, []);
  const batchOf = (rows: readonly TokenRow[]) =>
    makeBatch(
      rows.map(({ ids, types }) => withGlobals(model, { ids, pad: "right", ...(types && { types }) })),
      padId,
    );
  const predictor: Predictor = {
    ...parts,
    padId,
    labels: labelNames(model, model.sizes.labels),
    async tokenize(input) {
      const texts =
        input.kind === "choices" ? input.choices.map((pair) => ({ text: input.text, pair })) : [input];
      const found: AlignedTokens[] = [];
      for (const one of texts) found.push(await tokenizer.align(one));
      return found;
    },
    pieces: (tokens, isPair) => piecesOf(tokens, isPair, { maxLength, reading }),
    async outputs(rows, names) {
      const results = new Array<RowOutputs>(rows.length);
      const lengths = rows.map(({ ids }) => ids.length);
      for (const numbers of batchesByLength(lengths, model, runsAlone)) {
        options.signal?.throwIfAborted();
        const batch = batchOf(numbers.map((i) => rows[i] as TokenRow));
        const found = Object.entries(await engine.outputs(batch));
        const kept = found.filter(([name]) => names?.includes(name) ?? true);
        numbers.forEach((number, row) => {
          results[number] = rowOf(kept, batch, row);
        });
      }
      return results;
    },
    wordScores(row, places) {
      if (!engine.wordScores) throw new Error("the model scores no words");
      return engine.wordScores(batchOf([row]), places);
    },
    write(row, maxTokens) {
      if (!engine.writer) throw new Error("the model writes no texts");
      return engine.writer.write(batchOf([row]), maxTokens);
    },
    predict: (asked) => predictDocuments(predictor, asked, options),
  };
  return predictor;
}

/** The part of a batch's outputs that is of one row, without its padding. */
function rowOf(
  outputs: readonly [string, FloatTensor][],
  { length, visible }: Batch,
  row: number,
): RowOutputs {
  const { start, end } = visible[row] ?? { start: 0, end: length };
  return Object.fromEntries(
    outputs.map(([name, { dims, values }]) => {
      const [rows = 1, ...rest] = dims;
      const size = values.length / rows;
      const own = values.subarray(row * size, (row + 1) * size);
      if (!isPerToken(name, dims)) return [name, { dims: rest, values: own.slice() }];
      const width = size / length;
      return [name, { dims: [end - start, ...rest.slice(1)], values: own.slice(start * width, end * width) }];
    }),
  );
}

/** Scores of each label that are outputs of their own have no axis for labels. */
function isPerToken(name: string, dims: readonly number[]): boolean {
  return dims.length > 2 || TASKS.QuestionAnswering.outputByLabel?.includes(name) === true;
}

async function lengthOf(model: Model, asked: number | undefined): Promise<number> {
  const told = await readsAtOnce(model);
  const most = reach(model);
  if (asked === undefined || asked <= most) return asked ?? told;
  throw new OptionError(
    `--max-length ${asked}: ${model.checkpoint.source.name} reads ${most} tokens at most`,
    "Leave it out, or convert the model with a larger --max-sequence-length.",
  );
}

async function tokenizerOf(
  contents: Awaited<ReturnType<Model["contents"]>>,
  name: string,
  signal: AbortSignal | undefined,
): Promise<TextTokenizer> {
  const opened = await openTokenizer(contents, "A text.", signal);
  if ("tokenizer" in opened) return opened.tokenizer;
  throw new CheckpointError(
    `${name} has no tokenizer that can be opened without Python: ${opened.reason}`,
    "Save it with transformers' AutoTokenizer (tokenizer.json), and put that file into the folder.",
  );
}
