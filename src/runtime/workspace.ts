import { constants } from "node:fs";
import { access, copyFile, link, mkdir, realpath, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { openWeights, type WeightReader } from "../checkpoint/weight-reader.js";
import type { OnnxModel } from "../onnx/builder.js";
import { copiedWeights } from "../onnx/copied-weights.js";
import { notShareable, sharedWeights } from "../onnx/shared-weights.js";
import type { WeightSource } from "../onnx/weights.js";
import { writeModel } from "../onnx/writer.js";
import { makeTemporary, removeTemporary } from "../write/temporary.js";

/** A temporary folder in which graphs lie beside the weights that they use. */
export interface Workspace {
  readonly folder: string;
  /** Where a checkpoint's graphs go, and how they get at its weights. */
  place(checkpoint: Checkpoint): Promise<Place>;
  close(): Promise<void>;
}

/** One checkpoint's part of a workspace. */
export interface Place {
  readonly weights: WeightSource;
  /** Writes a graph and returns its path. */
  write(name: string, model: OnnxModel): Promise<string>;
}

/** @param source the model that needs most room */
export async function openWorkspace(source: FileSource, signal?: AbortSignal): Promise<Workspace> {
  const folder = await makeTemporary(await roomFor(source), "verify");
  const readers: WeightReader[] = [];
  let places = 0;
  return {
    folder,
    async place(checkpoint) {
      const own = join(folder, String(places++));
      await mkdir(own);
      const shareable = notShareable(checkpoint) === undefined;
      let weights = sharedWeights();
      if (shareable) {
        for (const { path } of checkpoint.weightFiles) await bringFile(checkpoint.source, path, own);
      } else {
        const reader = await openWeights(checkpoint, () => ({ signal }));
        readers.push(reader);
        weights = copiedWeights(reader);
      }
      return {
        weights,
        async write(name, model) {
          const path = join(own, `${name}.onnx`);
          await writeModel(path, model, { weights: shareable ? "embedded" : "external", signal });
          return path;
        },
      };
    },
    async close() {
      await Promise.all(readers.map((reader) => reader.close()));
      await removeTemporary(folder);
    },
  };
}

/** Where weights can be linked to: the system's folder for such things, or on another disk beside the model. */
async function roomFor({ origin }: FileSource): Promise<string> {
  if (origin.kind === "hub") return tmpdir();
  const beside = dirname(origin.path);
  const [system, own] = await Promise.all([tmpdir(), beside].map((path) => stat(path)));
  const isWritable = () =>
    access(beside, constants.W_OK).then(
      () => true,
      () => false,
    );
  return system?.dev !== own?.dev && (await isWritable()) ? beside : tmpdir();
}

/**
 * Puts a model's file into a folder of ours, below its own path or another. Runtimes follow neither links that point out of
 * a graph's folder nor `../`, but a hard link is the file itself. On another disk, or where the system forbids
 * it, a copy.
 */
export async function bringFile(source: FileSource, path: string, folder: string, as = path): Promise<void> {
  const [from, to] = [await realpath(await source.localPath(path)), join(folder, as)];
  await mkdir(dirname(to), { recursive: true });
  try {
    await link(from, to);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
