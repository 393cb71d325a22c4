import { lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { type Checkpoint, openCheckpoint, parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { openSource } from "../checkpoint/open-source.js";
import { graphSeed } from "../conversion-record.js";
import { OptionError } from "../errors.js";
import { editTopLevel } from "../json-edit.js";
import { CANDIDATE_SCORING_HEAD } from "../onnx/candidate-task.js";
import { copiedWeights } from "../onnx/copied-weights.js";
import { describeForExport, exportNotes } from "../onnx/export-model.js";
import { exportedGraphs } from "../onnx/exported-graphs.js";
import { GRAPH_PATHS } from "../onnx/graph-files.js";
import { graphHints } from "../onnx/graph-hints.js";
import { requireShareable, sharedWeights } from "../onnx/shared-weights.js";
import { exported, taskOf } from "../onnx/tasks.js";
import { writeModel } from "../onnx/writer.js";
import type { Variant } from "../options/schemas.js";
import type { ExportOptions } from "../options.js";
import { attentionOf, describeAttention } from "../plan/attention.js";
import { isModelWeights, sortFiles } from "../plan/side-files.js";
import type { PlannedAttention } from "../plan/weights.js";
import { type Progress, silent } from "../progress.js";
import { MODULES_FILE } from "../sentence-transformers/modules-json.js";
import { findCandidateTokens } from "../tokenizer/candidate-tokens.js";
import { TOKENIZER_FILES } from "../tokenizer/special-tokens.js";
import { copyWhole } from "../write/copy-file.js";
import { asOutputError, writeFolder } from "../write/output-folder.js";
import { openWeights } from "../write/weight-reader.js";
import { transferOptions } from "./transfer.js";

export interface ExportContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
}

/** What an export wrote. */
export interface ExportedGraph {
  /** Paths below the folder. */
  readonly files: readonly string[];
  readonly task: string;
  readonly attention: Variant | "full";
  /** Its blocks or windows in a few words; none where it is full. */
  readonly layout?: string | undefined;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

export interface ExportResult extends ExportedGraph {
  /** The folder. */
  readonly output: string;
}

/** Options that decide a graph's bytes. */
type GraphChoices = Pick<ExportOptions, "task" | "onnxWeights" | "globalAttention" | "seed">;

/** Room for the graph without its weights, which has some hundred kilobytes. */
const GRAPH_BYTES = 4 << 20;

/**
 * Exports a checkpoint as an ONNX graph: an LSG one with LSG attention, a Longformer with its windows,
 * any other with its own full attention.
 * @param output a folder to make whole (config, tokenizer, graph); by default the graph goes into the model's
 *   own folder, or for a Hub model into `./NAME-onnx`
 * @throws LsgError for bad input, before anything is written.
 */
export async function exportOnnx(
  model: string,
  output: string | undefined,
  options: ExportOptions,
  context: ExportContext = {},
): Promise<ExportResult> {
  const { signal, progress = silent } = context;
  const source = await openSource(model, { revision: options.revision, signal, onNotice: progress.step });
  const own = source.origin.kind === "folder" ? source.origin.path : undefined;
  const target = output ?? (own === undefined ? `${basename(source.name)}-onnx` : model);
  if (own !== undefined && resolve(target) === resolve(own)) {
    refuseNested(source);
    const written = await exportInto(own, source, options, context).catch((error: unknown) => {
      throw asOutputError(error, own);
    });
    return { output: target, ...written };
  }
  const { rewritten } = source;
  const bytes = GRAPH_BYTES + [...source.files.values()].reduce((sum, { size }) => sum + size, 0);
  let written: ExportedGraph = { files: [], task: "", attention: "full", notes: [] };
  await writeFolder(resolve(target), bytes, { force: options.force, sourceFolder: own }, async (folder) => {
    for (const path of await copiedFiles(source, options)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      const content = rewritten?.get(path);
      if (content) {
        await writeFile(join(folder, path), content);
        continue;
      }
      const from = await source.localPath(path, transferOptions(source, path, progress, signal));
      await copyWhole(from, join(folder, path));
    }
    written = await exportInto(folder, source, options, context);
  });
  return { output: target, ...written };
}

/**
 * Writes the graph of a model into a folder that has its other files: into `onnx/`, or with shared weights
 * beside them. Each file takes its place when it is whole.
 */
export async function exportInto(
  folder: string,
  source: FileSource,
  options: GraphChoices,
  { signal, progress = silent }: ExportContext = {},
): Promise<ExportedGraph> {
  const transfer = (path: string) => transferOptions(source, path, progress, signal);
  const checkpoint = await openCheckpoint(source, transfer("pytorch_model.bin"));
  const described = await describeForExport(checkpoint, transfer("pytorch_model.bin"));
  const { model } = described;
  const { head } = exported(model, options.task);
  const attention = attentionOf(model);
  if (options.globalAttention !== undefined && attention?.kind !== "longformer") {
    throw new OptionError(
      `--global-attention is Longformer's, and this ${model.architecture.title} has ${attention ? "LSG" : "full"} attention`,
      "Leave it out.",
    );
  }
  const shared = options.onnxWeights === "shared";
  if (shared) await requireBeside(folder, checkpoint);

  const place = shared ? "" : "onnx";
  const scratch = join(folder, `.onnx.partial-${process.pid}`);
  const reader = await openWeights(described.checkpoint, transfer);
  try {
    const copied = copiedWeights(reader);
    const weights = shared ? sharedWeights(copied) : copied;
    const seed = await graphSeed(source, options.seed);
    const candidates =
      head.auto === CANDIDATE_SCORING_HEAD
        ? findCandidateTokens(await readTokenizer(source), model.architecture.tokenizerClass)
        : undefined;
    const graphs = exportedGraphs(model, weights, {
      lsg: attention?.kind === "lsg" ? attention.config : undefined,
      task: options.task,
      globalAttention: options.globalAttention,
      candidates,
      seed,
    });
    await mkdir(scratch);
    const files: string[] = [];
    for (const [file, graph] of graphs) {
      const written = await writeModel(join(scratch, file), graph, {
        weights: options.onnxWeights === "shared" ? "embedded" : options.onnxWeights,
        signal,
      });
      files.push(...written.map((path) => basename(path)));
    }
    await writeFile(join(scratch, "config.json"), await configWithHints(source, files));
    await mkdir(join(folder, place), { recursive: true });
    // A graph comes after the data that it names.
    for (const file of files.toReversed()) await rename(join(scratch, file), join(folder, place, file));
    await rename(join(scratch, "config.json"), join(folder, "config.json"));
    const paths = files.map((file) => posix.join(place, file));
    // Of an earlier export nothing stays, which loaders would find beside this one.
    for (const path of GRAPH_PATHS.filter((path) => !paths.includes(path))) {
      await rm(join(folder, path), { force: true });
    }
    return {
      files: paths,
      task: taskOf(head),
      ...namedAttention(attention),
      notes: exportNotes(described, options.task),
    };
  } finally {
    await reader.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The files that number a tokenizer's tokens. */
async function readTokenizer(source: FileSource): Promise<Map<string, Buffer>> {
  const present = TOKENIZER_FILES.filter((file) => source.files.has(file));
  return new Map(await Promise.all(present.map(async (file) => [file, await source.read(file)] as const)));
}

/** A graph and its code are looked for at the top of a folder. @throws OptionError for a transformer that is not there */
function refuseNested({ name, transformerFolder }: FileSource): void {
  if (transformerFolder === undefined) return;
  throw new OptionError(
    `the transformer of ${name} lies in ${transformerFolder}/; a graph lies beside it at the top`,
    "Name an output folder: it is made with the transformer at the top.",
  );
}

/** How an export's result names what its graphs compute. */
export function namedAttention(
  attention: PlannedAttention | undefined,
): Pick<ExportedGraph, "attention" | "layout"> {
  return attention
    ? { attention: attention.kind, layout: describeAttention(attention) }
    : { attention: "full" };
}

/** What a whole folder around a graph holds besides. */
async function copiedFiles(source: FileSource, { onnxWeights }: GraphChoices): Promise<string[]> {
  const modules = source.files.has(MODULES_FILE) ? await source.read(MODULES_FILE) : undefined;
  const { kept } = sortFiles(source.files, modules);
  return onnxWeights === "shared" ? [...kept, ...[...source.files.keys()].filter(isModelWeights)] : kept;
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

/** config.json with what Transformers.js has to know of the graph. */
async function configWithHints(source: FileSource, files: readonly string[]): Promise<Buffer> {
  const content = await source.read("config.json");
  const hints = graphHints(parseObject(content, "config.json"), files);
  return editTopLevel(content, new Map([["transformers.js_config", hints]]));
}
