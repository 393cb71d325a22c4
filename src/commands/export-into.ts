import { existsSync } from "node:fs";
import { lstat, mkdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { taskOf } from "../architectures/tasks.js";
import {
  type Attention,
  describeAttention,
  isLocal,
  takesGlobals,
  titleOf,
  type Variant,
} from "../attention/variants.js";
import { OptionError, OutputError } from "../base/errors.js";
import { GRAPH_DTYPES, type GraphDtype, inDtype } from "../base/graph-dtypes.js";
import { type Progress, silent } from "../base/progress.js";
import { type Checkpoint, parseObject, type Settlement } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { graphPaths } from "../checkpoint/graph-files.js";
import { whileUnchanged } from "../checkpoint/watch.js";
import { openWeights } from "../checkpoint/weight-reader.js";
import { editTopLevel } from "../json/json-edit.js";
import { headlessNotes } from "../model/classes.js";
import { lengthChange } from "../model/config.js";
import type { Model } from "../model/model.js";
import type { OpenedModel } from "../model/open.js";
import { PRUNED_HEADS } from "../model/pruned-heads.js";
import type { OnnxModel } from "../onnx/builder.js";
import { weightsIn } from "../onnx/dtype-weights.js";
import { exportedGraphs } from "../onnx/exported-graphs.js";
import { graphHints } from "../onnx/graph-hints.js";
import { requireShareable } from "../onnx/shared-weights.js";
import { exported } from "../onnx/tasks.js";
import { type WriteModelOptions, writeModel } from "../onnx/writer.js";
import type { ExportOptions } from "../options/options.js";
import { graphSeed } from "../plan/conversion-record.js";
import { toldLength } from "../plan/told-length.js";
import { findCandidateTokens } from "../tokenizer/candidate-tokens.js";
import { raiseLength } from "../tokenizer/raise-length.js";
import { TOKENIZER_FILES } from "../tokenizer/special-tokens.js";
import { isOnAnotherDisk } from "../write/mount-point.js";
import { openWork, type Work } from "../write/work-folder.js";
import { type Comparison, compareDtypes } from "./compare-dtypes.js";
import { transferOptions } from "./transfer.js";

export interface ExportContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
}

export interface ExportedGraph {
  /** Paths below the folder. */
  readonly files: readonly string[];
  readonly bytes: Readonly<Record<string, number>>;
  readonly task: string;
  readonly attention: Variant;
  /** Its blocks or windows in a few words; none where it is full. */
  readonly layout?: string | undefined;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
  /** Of the graphs that are not in float32, where there are any. */
  readonly comparison?: Comparison | undefined;
}

/** Options that decide a graph's bytes. */
export type GraphChoices = Pick<ExportOptions, "onnx" | "task" | "onnxWeights" | "globalAttention" | "seed">;

/**
 * Writes the graphs of a model into a folder that has its other files: into `onnx/`, or with shared weights
 * beside them. They take their places when all are whole, and until then the folder stays as it was.
 */
export async function exportInto(
  folder: string,
  opened: OpenedModel,
  options: GraphChoices,
  { signal, progress = silent }: ExportContext = {},
): Promise<ExportedGraph> {
  const { source } = opened;
  const transfer = (path: string) => transferOptions(source, path, progress, signal);
  const transformer = await opened.model();
  const model = await transformer.withModules();
  const { remarks, settlement } = model.checkpoint;
  const { head } = exported(model, options.task);
  const attention = model.attention();
  if (options.globalAttention !== undefined && !takesGlobals(attention)) {
    throw new OptionError(
      `--global-attention is Longformer's, and this ${model.architecture.title} has ${isLocal(attention) ? titleOf(attention) : "full"} attention`,
      "Leave it out.",
    );
  }
  const shared = options.onnxWeights === "shared";
  if (shared) await requireBeside(folder, transformer.checkpoint);

  const place = shared ? "" : "onnx";
  if (!shared && (await isOnAnotherDisk(folder, join(folder, place)))) {
    throw new OutputError(
      `${join(folder, place)} lies on another disk than the model: its graphs cannot be replaced all at once`,
      "Name an output folder: it is made with everything in it.",
    );
  }
  const reader = await openWeights(model.checkpoint, transfer);
  let work: Work | undefined;
  try {
    const candidates =
      taskOf(head).candidates === "are scored"
        ? findCandidateTokens(await readTokenizer(source), model.architecture.tokenizerClass)
        : undefined;
    const graphOptions = {
      attention,
      task: options.task,
      globalAttention: options.globalAttention,
      candidates,
      seed: await graphSeed(source, options.seed),
    };
    const dtypes = GRAPH_DTYPES.filter((dtype) => (options.onnx ?? ["fp32"]).includes(dtype));
    const graphsIn = (dtype: GraphDtype) =>
      exportedGraphs(model, weightsIn(dtype, reader, shared), graphOptions);
    // What cannot be exported is refused before anything is written.
    const graphs = new Map(dtypes.map((dtype) => [dtype, graphsIn(dtype)]));
    work = await openWork(folder, { target: "" });
    const scratch = join(work.folder, place);
    await mkdir(scratch, { recursive: true });
    const weights = options.onnxWeights === "shared" ? undefined : options.onnxWeights;
    const written = await whileUnchanged([source], signal, () =>
      writeGraphs(scratch, graphs, { weights, signal }),
    );
    const comparison = await compareDtypes({
      ...{ model: opened, folder: scratch, lshSeed: graphOptions.seed, signal },
      files: new Map(dtypes.map((dtype) => [dtype, [...written.keys()].filter(isOf(dtype))])),
      write: async (dtype, place) => [
        ...(await writeGraphs(place, new Map([[dtype, graphsIn(dtype)]]), { weights, signal })).keys(),
      ],
    });
    const files = [...written.keys()];
    const paths = files.map((file) => posix.join(place, file));
    // Of an earlier export in the same dtypes nothing stays, which loaders would find beside this one.
    const replaced = dtypes.flatMap(graphPaths);
    const others = GRAPH_DTYPES.flatMap(graphPaths).filter((path) => !replaced.includes(path));
    const left = others.filter((path) => existsSync(join(folder, path)));
    await writeFile(
      join(work.folder, "config.json"),
      await exportedConfig(source, settlement, [...paths, ...left]),
    );
    const limited = await limitLengths(work.folder, source, model);
    await work.place({
      put: [...new Set([...paths, "config.json", ...limited])],
      drop: replaced.filter((path) => !paths.includes(path)),
    });
    return {
      files: paths,
      bytes: Object.fromEntries([...written].map(([file, size]) => [posix.join(place, file), size])),
      task: taskOf(head).name,
      ...namedAttention(attention),
      notes: [
        ...remarks,
        ...exportNotes(model, options.task),
        ...(settlement?.notes ?? []),
        ...[...(source.mended?.values() ?? [])].flatMap((mended) => mended.notes),
      ],
      comparison,
    };
  } finally {
    await reader.close();
    await work?.close();
  }
}

/** What the user should know of an export, a sentence each. @param task the one that was asked for */
function exportNotes(
  { modules, modulesLeftOut: leftOut, source }: Model,
  task: string | undefined,
): string[] {
  const headless = headlessNotes(source, "exported");
  if (task !== undefined) return headless;
  if (modules) {
    const { name, width, perToken } = modules.output;
    return [
      ...headless,
      `The graph gives ${name}: ${width} numbers for each ${perToken ? "token" : "text"}.`,
    ];
  }
  return leftOut === undefined
    ? headless
    : [...headless, `The graph gives no sentence_embedding: ${leftOut}.`];
}

function isOf(dtype: GraphDtype): (file: string) => boolean {
  const known = graphPaths(dtype);
  return (file) => known.includes(file);
}

/** Copies that say that there is no limit to a length get the model's. @returns their paths */
async function limitLengths(folder: string, source: FileSource, model: Model): Promise<string[]> {
  const maxLength = await toldLength(model);
  const paths: string[] = [];
  for (const [path, { content, leavesLengthOpen }] of source.mended ?? []) {
    if (!leavesLengthOpen) continue;
    const limited = raiseLength(path, content, lengthChange(model.architecture, maxLength, maxLength));
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), limited.content);
    paths.push(path);
  }
  return paths;
}

/** The files that number a tokenizer's tokens. */
async function readTokenizer(source: FileSource): Promise<Map<string, Buffer>> {
  const present = TOKENIZER_FILES.filter((file) => source.files.has(file));
  return new Map(await Promise.all(present.map(async (file) => [file, await source.read(file)] as const)));
}

/** How an export's result names what its graphs compute. */
export function namedAttention(attention: Attention): Pick<ExportedGraph, "attention" | "layout"> {
  return { attention: attention.kind, layout: describeAttention(attention) };
}

/** Runtimes refuse to follow links out of a graph's folder. */
async function requireBeside(folder: string, checkpoint: Checkpoint): Promise<void> {
  requireShareable(checkpoint);
  for (const { path } of checkpoint.weightFiles) {
    const found = await lstat(join(folder, path));
    if (found.isFile()) continue;
    throw new OptionError(
      `--onnx-weights shared: ${path} is a link, which runtimes refuse to follow from a graph`,
      "Name an output folder: the weights are copied into it.",
    );
  }
}

/** config.json with what was settled of it, and with what Transformers.js has to know of the graph. */
async function exportedConfig(
  source: FileSource,
  settlement: Settlement | undefined,
  files: readonly string[],
): Promise<Buffer> {
  const content = await source.read("config.json");
  const hints = graphHints(parseObject(content, "config.json"), files);
  // The weights stay as they are, and with them what says which heads they lack.
  const settled = [...(settlement?.changes ?? [])].filter(([key]) => key !== PRUNED_HEADS);
  return editTopLevel(content, new Map([...settled, ["transformers.js_config", hints]]));
}

/**
 * Writes a model's graphs, one dtype after the other.
 * @param graphs of each dtype, by the names that they have in float32
 * @returns the names of the files, each graph before its data, and their sizes in bytes
 */
async function writeGraphs(
  folder: string,
  graphs: ReadonlyMap<GraphDtype, ReadonlyMap<string, OnnxModel>>,
  options: WriteModelOptions,
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const [dtype, models] of graphs) {
    for (const [graph, model] of models) {
      const written = await writeModel(join(folder, inDtype(graph, dtype)), model, options);
      for (const path of written) sizes.set(basename(path), (await stat(path)).size);
    }
  }
  return sizes;
}
