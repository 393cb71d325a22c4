import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { findArchitecture } from "../architectures.js";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { openFolder } from "../checkpoint/folder.js";
import { openSource } from "../checkpoint/open-source.js";
import { editTopLevel } from "../json-edit.js";
import { MODELING_FOLDER, modelingFiles } from "../modeling.js";
import type { ConvertOptions } from "../options.js";
import { planConversion } from "../plan/plan.js";
import { shardBytes } from "../plan/shards.js";
import { isReadForPlan } from "../plan/side-files.js";
import type { ConversionPlan, SideFile } from "../plan/types.js";
import { type Progress, silent } from "../progress.js";
import { raiseLength } from "../tokenizer/raise-length.js";
import { findSpecialTokens } from "../tokenizer/special-tokens.js";
import { checkOutput, writeFolder } from "../write/output-folder.js";
import { writeShard } from "../write/shard-writer.js";
import { openWeights } from "../write/weight-reader.js";
import { transferOptions } from "./transfer.js";

export interface ConvertContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
}

export interface ConvertResult {
  /** The folder written, or that would be. */
  readonly output: string;
  readonly plan: ConversionPlan;
}

/**
 * Converts a checkpoint: plans everything, then writes a whole folder or nothing.
 * @param model a folder or a Hub id
 * @param output the folder to write; by default `./NAME-lsg-LENGTH`
 * @throws LsgError for bad input, before anything is written.
 */
export async function convert(
  model: string,
  output: string | undefined,
  options: ConvertOptions,
  { signal, progress = silent }: ConvertContext = {},
): Promise<ConvertResult> {
  const source = await openSource(model, { revision: options.revision, signal, onNotice: progress.step });
  const transfer = (path: string) => transferOptions(source, path, progress, signal);
  const checkpoint = await openCheckpoint(source, transfer("pytorch_model.bin"));
  // Read once: a tokenizer.json can have some 40 MB.
  const contents = await readSmallFiles(source);
  const plan = await makePlan(model, checkpoint, contents, options);
  const { to, variant } = { ...plan.record.max_sequence_length, variant: plan.record.variant };
  const target = output ?? `${basename(source.name)}-${variant}-${to}`;
  if (options.dryRun) return { output: target, plan };

  const { origin } = source;
  const outputOptions = {
    force: options.force,
    sourceFolder: origin.kind === "folder" ? origin.path : undefined,
  };
  await checkOutput(resolve(target), outputOptions);
  const bytes = plan.shards.reduce((sum, shard) => sum + shardBytes(shard), 0);
  await writeFolder(resolve(target), bytes, outputOptions, async (folder) => {
    await writeSideFiles(folder, plan, source, contents);
    const weights = await openWeights(checkpoint, transfer);
    const bar = progress.bytes("Writing", bytes);
    try {
      for (const shard of plan.shards) {
        await writeShard(join(folder, shard.file), shard, weights, { signal, onBytes: bar.advance });
      }
    } finally {
      bar.done();
      await weights.close();
    }
    if (options.onnx) {
      // Only here: the graph's libraries take longer to load than a small model to convert.
      const { exportInto } = await import("./export.js");
      await exportInto(folder, await openFolder(folder), options, { signal, progress });
    }
  });
  return { output: target, plan };
}

async function makePlan(
  model: string,
  checkpoint: Checkpoint,
  contents: ReadonlyMap<string, Buffer>,
  options: ConvertOptions,
): Promise<ConversionPlan> {
  const architecture = await findArchitecture(checkpoint.config.model_type);
  const tokens = findSpecialTokens(contents, architecture.tokenizerClass);
  const { force: _force, dryRun: _dryRun, json: _json, quiet: _quiet, ...decisive } = options;
  return planConversion({
    checkpoint,
    architecture,
    options: decisive,
    tokens: { bos: tokens.bos?.id, mask: tokens.mask?.id },
    contents,
    modeling: modelingFiles(architecture),
    model: recordedName(model, checkpoint.source),
  });
}

/** The side files whose contents decide something, by path. */
async function readSmallFiles(source: FileSource): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (const path of source.files.keys()) {
    if (isReadForPlan(path)) contents.set(path, await source.read(path));
  }
  return contents;
}

/** A Hub id, or a relative path as typed: an absolute one would say where on this machine the source lay. */
function recordedName(model: string, source: FileSource): string {
  const path = relative(".", model).replaceAll("\\", "/");
  const isBelow =
    source.origin.kind === "folder" && !isAbsolute(model) && path !== "" && !path.startsWith("..");
  return isBelow ? path : source.name;
}

async function writeSideFiles(
  folder: string,
  plan: ConversionPlan,
  source: FileSource,
  contents: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const contentOf = async (path: string) => contents.get(path) ?? source.read(path);
  const changes = new Map([
    ...Object.entries(plan.config.set),
    ...plan.config.remove.map((key) => [key, undefined] as const),
  ]);
  await writeFile(join(folder, "config.json"), editTopLevel(await contentOf("config.json"), changes));
  for (const file of plan.sideFiles) {
    const path = join(folder, file.path);
    await mkdir(dirname(path), { recursive: true });
    if (file.kind === "copy") await cp(await source.localPath(file.path), path, { dereference: true });
    else await writeFile(path, await sideFileContent(file, plan, contentOf));
  }
}

async function sideFileContent(
  file: Exclude<SideFile, { kind: "copy" }>,
  plan: ConversionPlan,
  contentOf: (path: string) => Promise<Buffer>,
): Promise<Buffer | string> {
  switch (file.kind) {
    case "edit":
      return raiseLength(file.path, await contentOf(file.path), plan.record.max_sequence_length.to).content;
    case "modeling":
      return readFile(new URL(file.path, MODELING_FOLDER));
    case "write":
      return file.content;
  }
}
