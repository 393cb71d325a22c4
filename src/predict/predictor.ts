import { TASKS } from "../architectures/tasks.js";
import type { DEVICES } from "../base/device-names.js";
import { CheckpointError } from "../base/errors.js";
import type { GraphDtype } from "../base/graph-dtypes.js";
import { openSource } from "../checkpoint/open-source.js";
import type { Model } from "../model/model.js";
import { openModel } from "../model/open.js";
import { exported } from "../onnx/tasks.js";
import { type Batch, makeBatch } from "../runtime/batch.js";
import { chooseDevice } from "../runtime/devices.js";
import { type GraphHost, inOwnProcess, inThisProcess } from "../runtime/graph-host.js";
import { inputSource } from "../runtime/input-source.js";
import { NO_LIMITS } from "../runtime/limits.js";
import { loadRuntime } from "../runtime/runtime.js";
import type { FloatTensor } from "../runtime/tensors.js";
import { type AlignedTokens, openTokenizer, type TextTokenizer } from "../runtime/text-tokenizer.js";
import { openWorkspace } from "../runtime/workspace.js";
import { batchesByLength } from "./batches.js";
import { activationOf, classesOf, labelNames } from "./classes.js";
import { type PredictionKind, predictionKind } from "./kinds.js";
import { openWeights, type Scorer } from "./scorer.js";
import type { ModelInput, Prediction, Reading } from "./types.js";

export interface PredictorOptions {
  /** A task of optimum's: `feature-extraction` for embeddings of any model; by default what its head is for. */
  readonly task?: string | undefined;
  /** Which of the folder's graphs to run; by default the weights, in float32. */
  readonly dtype?: GraphDtype | undefined;
  readonly device?: (typeof DEVICES)[number] | undefined;
  /** Hub branch, tag or commit. */
  readonly revision?: string | undefined;
  /** What becomes of a document that is longer than the model reads; cut by default. */
  readonly reading?: Reading | undefined;
  /** Tokens that windows share; 128 by default. */
  readonly overlap?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

/** Tokens for one pass of the model, special ones included, at most `maxLength`. */
export interface TokenRow {
  readonly ids: readonly number[];
  /** `token_type_ids`; all 0 where they are left out. */
  readonly types?: readonly number[] | undefined;
}

/**
 * What a model gives for one row, padding cut off, by output name: `logits` (labels) of classes, (tokens, labels) of
 * entities; `start_logits`, `end_logits` (tokens); `last_hidden_state` (tokens, hidden); `sentence_embedding` (width);
 * a ColBERT's `output` (tokens, width). float32.
 */
export type RowOutputs = Readonly<Record<string, FloatTensor>>;

/** A prediction, and what of the document it is of. */
export interface Predicted {
  readonly prediction: Prediction;
  /** Tokens of the document, special ones included. */
  readonly tokens: number;
  /** Of them those that were read: fewer where it was cut. */
  readonly read: number;
}

/** A model that is open to be asked about documents. Whoever opened it closes it. */
export interface Predictor {
  readonly model: Model;
  readonly kind: PredictionKind;
  /** By their number. */
  readonly labels: readonly string[];
  /** Tokens that the model reads at once, special ones included. */
  readonly maxLength: number;
  /**
   * The tokens of a document, not cut: one list, or of several choices one for each.
   * @throws CheckpointError if the tokenizer fails
   */
  tokenize(input: ModelInput): Promise<AlignedTokens[]>;
  /**
   * Runs rows as they are, in batches of like lengths, and gives their outputs in the order of the rows.
   * @throws CheckpointError for a row that is longer than `maxLength` or that the runtime refuses
   */
  outputs(rows: readonly TokenRow[]): Promise<RowOutputs[]>;
  /**
   * The scores of all words in some places of a row, of a masked language model: (places, vocabulary), float32. The
   * scores of other tokens are never computed.
   */
  wordScores(row: TokenRow, places: readonly number[]): Promise<FloatTensor>;
  /** Predictions in the order of the documents, of which some dozens are read ahead and run by length. */
  predict(inputs: AsyncIterable<ModelInput> | Iterable<ModelInput>): AsyncIterable<Predicted>;
  /** May be called twice. */
  close(): Promise<void>;
}

/**
 * Opens a model to predict with: a folder or a Hub model, a source or a converted one.
 * @throws CheckpointError for a model without a tokenizer that can be opened here, or that cannot be run; OptionError
 *   for a task or dtype that it has not; DeviceError for a device that is not there
 */
export async function openPredictor(name: string, options: PredictorOptions = {}): Promise<Predictor> {
  const { task, device: wanted = "cpu", signal, onStep, revision } = options;
  const source = await openSource(name, { revision, signal, onStep });
  const opened = await openModel(source, { transfer: { signal } }).read();
  const model = await (await opened.model()).withModules();
  const { head, modules } = exported(model, task);
  const kind = predictionKind(modules ? undefined : head);
  const device = await chooseDevice(wanted);
  const tokenizer = await tokenizerOf(await model.contents(), source.name, signal);
  const workspace = await openWorkspace(source, signal);
  const host = hostOf(device.name, await loadRuntime(), signal);
  let scorer: Scorer | undefined;
  const close = async () => {
    await tokenizer.close();
    await scorer?.close();
    await host.close();
    await workspace.close();
  };
  try {
    scorer = await openWeights(model, { host, workspace, device: device.name, task });
  } catch (error) {
    await close();
    throw error;
  }
  return predictorOf({ model, kind, tokenizer, scorer, close });
}

interface Parts {
  readonly model: Model;
  readonly kind: PredictionKind;
  readonly tokenizer: TextTokenizer;
  readonly scorer: Scorer;
  readonly close: () => Promise<void>;
}

function predictorOf({ model, kind, tokenizer, scorer, close }: Parts): Predictor {
  const { padId } = inputSource(model, []);
  const labels = labelNames(model, model.sizes.labels);
  const { maxLength } = model.positions();
  const outputs: Predictor["outputs"] = async (rows) => {
    const results = new Array<RowOutputs>(rows.length);
    for (const numbers of batchesByLength(
      rows.map(({ ids }) => ids.length),
      model,
    )) {
      const batch = makeBatch(
        numbers.map((i) => ({
          ...(rows[i] as TokenRow),
          pad: "right" as const,
          types: rows[i]?.types ?? [],
        })),
        padId,
      );
      const found = await scorer.outputs(batch);
      numbers.forEach((number, row) => {
        results[number] = rowOf(found, batch, row);
      });
    }
    return results;
  };
  return {
    ...{ model, kind, labels, maxLength, outputs, close },
    async tokenize(input) {
      if (input.kind === "choices") {
        return Promise.all(input.choices.map((pair) => tokenizer.align({ text: input.text, pair })));
      }
      return [await tokenizer.align(input)];
    },
    async wordScores() {
      throw new Error("not yet");
    },
    async *predict(inputs) {
      for await (const input of inputs) {
        if (input.kind !== "text" || kind !== "classes") throw new Error("not yet");
        const { ids, types } = await tokenizer.align(input);
        const [found] = await outputs([{ ids: ids.slice(0, maxLength), types: types.slice(0, maxLength) }]);
        const logits = found?.logits?.values ?? new Float32Array(0);
        const prediction: Prediction = {
          kind: "classes",
          labels: classesOf(logits, labels, activationOf(model, labels.length)),
        };
        yield { prediction, tokens: ids.length, read: Math.min(ids.length, maxLength) };
      }
    },
  };
}

/** The part of a batch's outputs that is of one row, without its padding. */
function rowOf(outputs: RowOutputs, { length, visible }: Batch, row: number): RowOutputs {
  const { start, end } = visible[row] ?? { start: 0, end: length };
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { dims, values }]) => {
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

/** Our own graphs on the CPU run in this process. */
function hostOf(
  device: string,
  runtime: Awaited<ReturnType<typeof loadRuntime>>,
  signal: AbortSignal | undefined,
): GraphHost {
  return device === "cpu" ? inThisProcess(runtime) : inOwnProcess(() => NO_LIMITS, signal);
}
