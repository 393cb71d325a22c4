import { constants } from "node:fs";
import { access, mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { OptionError } from "../base/errors.js";
import { silent } from "../base/progress.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { readMark } from "../checkpoint/interrupted/mark.js";
import { putRight } from "../checkpoint/interrupted/put-right.js";
import { realPlace } from "../checkpoint/interrupted/real-place.js";
import { leftOutSentence, ownWeights, readForSorting, sortFiles } from "../checkpoint/left-out.js";
import { namedFolder } from "../checkpoint/named-folder.js";
import { openSource } from "../checkpoint/open-source.js";
import { isJsonFile } from "../checkpoint/standard-files.js";
import { whileUnchanged } from "../checkpoint/watch.js";
import { openModel } from "../model/open.js";
import type { ExportOptions } from "../options/options.js";
import { copyWhole } from "../write/copy-file.js";
import { asOutputError } from "../write/output-errors.js";
import { checkOutput, writeFolder } from "../write/output-folder.js";

import { type ExportContext, type ExportedGraph, exportInto, type GraphChoices } from "./export-into.js";
import { transferOptions } from "./transfer.js";

export interface ExportResult extends ExportedGraph {
  readonly output: string;
}

/** Room for a graph without its weights, which has some hundred kilobytes. */
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
  const named = resolve(await namedFolder(model));
  const place = resolve(output ?? named);
  // Before a large model is downloaded, and before a folder is opened that a killed run left half changed.
  if (place !== named) await checkOutput(place, { force: options.force, sourceFolder: named });
  else if (!(await readMark(place))?.fills) await putRight(await realPlace(place));
  const source = await openSource(model, { revision: options.revision, signal, onStep: progress.step });
  const opened = openModel(source, {
    transfer: transferOptions(source, "pytorch_model.bin", progress, signal),
    modelType: options.modelType,
  });
  const own = source.origin.kind === "folder" ? source.origin.path : undefined;
  const target = output ?? (own === undefined ? `${basename(source.name)}-onnx` : await namedFolder(model));
  if (own !== undefined && resolve(target) === resolve(own)) {
    refuseNested(source);
    const written = await access(own, constants.W_OK | constants.X_OK)
      .then(() => exportInto(own, opened, options, context))
      .catch((error: unknown) => {
        throw asOutputError(error, own);
      });
    return { output: target, ...written };
  }
  const bytes = GRAPH_BYTES + [...source.files.values()].reduce((sum, { size }) => sum + size, 0);
  let written: ExportedGraph = { files: [], bytes: {}, task: "", attention: "full", notes: [] };
  await writeFolder(resolve(target), bytes, { force: options.force, sourceFolder: own }, async (folder) => {
    const { copied, leftOut } = await copiedFiles(source, options);
    const copies = async () => {
      for (const path of copied) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        const content = await changedContent(source, path);
        if (content) {
          await writeFile(join(folder, path), content);
          continue;
        }
        const from = await source.localPath(path, transferOptions(source, path, progress, signal));
        await copyWhole(from, join(folder, path));
      }
    };
    await whileUnchanged([source], signal, copies);
    const graphs = await exportInto(folder, opened, options, context);
    written = { ...graphs, notes: [...graphs.notes, ...leftOut] };
  });
  return { output: target, ...written };
}

/** A graph and its code are looked for at the top of a folder. @throws OptionError for a transformer that is not there */
function refuseNested({ name, transformerFolder }: FileSource): void {
  if (transformerFolder === undefined) return;
  throw new OptionError(
    `the transformer of ${name} lies in ${transformerFolder}/; a graph lies beside it at the top`,
    "Name an output folder: it is made with the transformer at the top.",
  );
}

/** What a whole folder around a graph holds besides, and a sentence about what it does not. */
async function copiedFiles(
  source: FileSource,
  { onnxWeights }: GraphChoices,
): Promise<{ copied: string[]; leftOut: string[] }> {
  const files = await readForSorting(source);
  const { kept, omitted } = sortFiles(files);
  const sentence = leftOutSentence(omitted, kept);
  return {
    copied: onnxWeights === "shared" ? [...kept, ...ownWeights(files)] : kept,
    leftOut: sentence === undefined ? [] : [sentence],
  };
}

/** What a file reads as, where that is not as it lies there. */
async function changedContent(source: FileSource, path: string): Promise<Buffer | undefined> {
  const content = isJsonFile(path) ? await source.read(path) : undefined;
  return source.mended?.has(path) ? content : source.rewritten?.get(path);
}
