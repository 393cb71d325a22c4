import { mkdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { ofFirstLayer } from "../attention/variants.js";
import { putRight } from "../checkpoint/interrupted/put-right.js";
import { realPlace } from "../checkpoint/interrupted/real-place.js";
import { openSource } from "../checkpoint/open-source.js";
import { openModel } from "../model/open.js";
import { encoderOpModel } from "../onnx/op-only.js";
import { encoderAttention } from "../onnx/variants.js";
import { writeModel } from "../onnx/writer.js";
import type { ExportOptions } from "../options/options.js";
import { graphSeed } from "../plan/conversion-record.js";
import { asOutputError } from "../write/output-errors.js";
import { openWork, type Work } from "../write/work-folder.js";
import type { ExportResult } from "./export.js";
import { type ExportContext, namedAttention } from "./export-into.js";

const OP_FILE = "attention.onnx";

/**
 * Writes a graph of a model's attention op alone, to be used in other models: inputs `query`, `key`, `value`
 * and `attention_mask`, of some models `relative_attention_bias`; output `context`. No weights are read.
 * @param output a folder; by default the current one
 */
export async function exportOp(
  model: string,
  output = ".",
  options: ExportOptions,
  { signal, progress }: ExportContext = {},
): Promise<ExportResult> {
  const source = await openSource(model, { revision: options.revision, signal, onStep: progress?.step });
  const opened = openModel(source, { transfer: { signal }, modelType: options.modelType });
  const described = await opened.model();
  const attention = described.attention();
  const encoder = encoderAttention(attention);
  const op = encoder.op(described, await graphSeed(source, options.seed));
  const graph = encoderOpModel(op, described, encoder);
  let work: Work | undefined;
  try {
    await putRight(await realPlace(output));
    await mkdir(output, { recursive: true });
    work = await openWork(resolve(output), { target: "" });
    await writeModel(join(work.folder, OP_FILE), graph, { signal });
    const { size } = await stat(join(work.folder, OP_FILE));
    await work.place({ put: [OP_FILE], drop: [] });
    return {
      output,
      files: [OP_FILE],
      bytes: { [OP_FILE]: size },
      task: basename(OP_FILE, ".onnx"),
      // What is exported of layers that differ is the first.
      ...namedAttention(ofFirstLayer(attention)),
      notes: [],
    };
  } catch (error) {
    throw asOutputError(error, output);
  } finally {
    await work?.close();
  }
}
