import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isModelWeights } from "../../src/checkpoint/left-out.js";
import { temporaryFolder } from "./fixtures.js";
import { type ReadTensor, readFolder, writeSafetensors } from "./safetensors.js";

export interface Changes {
  /** Keys of config.json; one that is undefined is left out. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: Map<string, ReadTensor>) => void;
}

/** A copy of a checkpoint, whose weights are safetensors, with its config or tensors changed. */
export async function changedCheckpoint(
  checkpoint: string,
  { config = {}, tensors }: Changes,
): Promise<string> {
  const folder = join(await temporaryFolder(), "source");
  await mkdir(folder);
  await cp(checkpoint, folder, { recursive: true, filter: (path) => !isModelWeights(basename(path)) });
  const original = JSON.parse(await readFile(join(checkpoint, "config.json"), "utf8"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...original, ...config }));
  const all = readFolder(checkpoint);
  tensors?.(all);
  await writeFile(join(folder, "model.safetensors"), writeSafetensors(Object.fromEntries(all)));
  return folder;
}
