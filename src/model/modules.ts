import { posix } from "node:path";
import { CheckpointError } from "../base/errors.js";
import { type Checkpoint, readWeightsOf } from "../checkpoint/checkpoint.js";
import type { TransferOptions } from "../checkpoint/file-source.js";
import { isColbertConfig, modelKind, SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import {
  MODULES_FILE,
  type ModuleEntry,
  parseModules,
} from "../checkpoint/sentence-transformers/modules-json.js";
import { asWeightFile, type CheckpointTensor, type WeightFileContent } from "../checkpoint/weight-file.js";
import { readStep, type Step, stepTensors } from "./steps.js";
import { sameShape } from "./tensor-specs.js";

/** What follows the transformer, as a graph computes it. */
export interface Modules {
  readonly steps: readonly Step[];
  /**
   * The graph's output: one vector for each text, or, of a ColBERT, for each token. The latter is called `output`
   * as pylate-onnx-export has it.
   */
  readonly output: {
    readonly name: "sentence_embedding" | "output";
    readonly perToken: boolean;
    readonly width: number;
  };
}

export interface WithModules {
  /** With the modules' tensors among its own, by names like `2_Dense/linear.weight`. */
  readonly checkpoint: Checkpoint;
  /** Undefined where nothing follows that a graph could compute. */
  readonly modules: Modules | undefined;
  /** Why modules that are there have no place in a graph. */
  readonly reason?: string;
}

/** ColBERT's own layer, among the model's tensors. */
const COLBERT_LINEAR = "linear.weight";

const PER_TEXT = "sentence_embedding";
const PER_TOKEN = "output";

/**
 * Reads what follows the transformer in a sentence-transformers folder, or in a ColBERT.
 * @param hidden the transformer's width
 * @throws CheckpointError if a module's files are damaged or its tensors are missing.
 */
export async function readModules(
  checkpoint: Checkpoint,
  hidden: number,
  transfer: TransferOptions = {},
): Promise<WithModules> {
  const { source, config } = checkpoint;
  if (!source.files.has(MODULES_FILE)) return { checkpoint, modules: colbertLayer(checkpoint, hidden) };
  const modules = await source.read(MODULES_FILE);
  const settings = source.files.has(SETTINGS_FILE) ? await source.read(SETTINGS_FILE) : undefined;
  const isColbert = modelKind(config, { modules, settings }) === "ColBERT";
  // PyLate leaves everything but dense layers aside.
  const entries = parseModules(modules)
    .slice(1)
    .filter(({ type }) => !isColbert || /\bDense$/.test(type));
  if (entries.length === 0) return { checkpoint, modules: undefined };

  const steps: Step[] = [];
  let [width, perToken] = [hidden, true];
  for (const entry of entries) {
    const read = readStep(entry, { width, perToken, isColbert, config: await configOf(entry, checkpoint) });
    if ("reason" in read) return { checkpoint, modules: undefined, reason: read.reason };
    if (read.step) steps.push(read.step);
    ({ width, perToken } = read);
  }
  if (perToken && !isColbert) {
    return { checkpoint, modules: undefined, reason: `${MODULES_FILE} has no pooling` };
  }
  if (isColbert) steps.push({ kind: "normalize" });
  const files: WeightFileContent[] = [];
  for (const { folder } of steps.flatMap(stepTensors)) {
    if (!files.some(({ path }) => posix.dirname(path) === folder)) {
      files.push(await readWeightsOf(source, folder, transfer));
    }
  }
  const extended = withFiles(checkpoint, files);
  requireTensors(steps, extended);
  return {
    checkpoint: extended,
    modules: { steps, output: { name: perToken ? PER_TOKEN : PER_TEXT, perToken, width } },
  };
}

/** The layer of a checkpoint that the ColBERT library wrote, which has no modules.json. */
function colbertLayer(checkpoint: Checkpoint, hidden: number): Modules | undefined {
  if (!isColbertConfig(checkpoint.config)) return undefined;
  const out = checkpoint.tensors.get(COLBERT_LINEAR)?.shape[0] ?? 0;
  const dense = { kind: "dense", folder: "", out, in: hidden, bias: false } as const;
  const steps: Step[] = [{ ...dense, activation: "linear", residual: "none" }, { kind: "normalize" }];
  requireTensors(steps, checkpoint);
  return { steps, output: { name: PER_TOKEN, perToken: true, width: out } };
}

async function configOf({ path }: ModuleEntry, { source }: Checkpoint): Promise<Buffer | undefined> {
  const file = posix.join(path, "config.json");
  return path !== "" && source.files.has(file) ? source.read(file) : undefined;
}

function withFiles(checkpoint: Checkpoint, files: readonly WeightFileContent[]): Checkpoint {
  const tensors = files.flatMap(({ path, tensors }) =>
    [...tensors].map(([name, tensor]): [string, CheckpointTensor] => [
      moduleTensor(posix.dirname(path), name),
      tensor,
    ]),
  );
  return {
    ...checkpoint,
    tensors: new Map([...checkpoint.tensors, ...tensors]),
    weightFiles: [...checkpoint.weightFiles, ...files.map(asWeightFile)],
  };
}

/** The name of a module's tensor beside those of the model. */
export function moduleTensor(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** @throws CheckpointError for a tensor that is missing or has another shape than its config says */
function requireTensors(steps: readonly Step[], { tensors }: Checkpoint): void {
  for (const { folder, name, shape } of steps.flatMap(stepTensors)) {
    const found = tensors.get(moduleTensor(folder, name));
    if (found && sameShape(found.shape, shape)) continue;
    throw new CheckpointError(
      `tensor "${moduleTensor(folder, name)}" ${found ? `has shape [${found.shape}]` : "is missing"}, expected [${shape}]`,
      "The folder is incomplete, or its files belong to different models.",
    );
  }
}
