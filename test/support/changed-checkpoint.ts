import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { isModelWeights } from "../../src/checkpoint/left-out.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import { temporaryFolder } from "./fixtures.js";
import { type ReadTensor, writeSafetensors } from "./safetensors.js";

export interface Changes {
  /** Keys of config.json; one that is undefined is left out. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: Map<string, ReadTensor>) => void;
}

/** All tensors of a checkpoint in memory, whatever its format. */
async function readWeights(folder: string): Promise<Map<string, ReadTensor>> {
  const checkpoint = await readCheckpoint(await openFolder(folder));
  const weights = await openWeights(checkpoint, () => ({}));
  const all = new Map<string, ReadTensor>();
  try {
    for (const [name, { dtype, shape }] of checkpoint.tensors) {
      const parts: Buffer[] = [];
      for await (const run of weights.locate({ tensor: name, start: 0, count: shape[0] ?? 1, step: 1 })) {
        if (Buffer.isBuffer(run)) parts.push(run);
        else {
          const bytes = Buffer.alloc(run.length);
          await run.file.read(bytes, 0, run.length, run.begin);
          parts.push(bytes);
        }
      }
      all.set(name, { dtype, shape, bytes: Buffer.concat(parts) });
    }
  } finally {
    await weights.close();
  }
  return all;
}

/** A copy of a checkpoint, its weights as safetensors, with its config or tensors changed. */
export async function changedCheckpoint(
  checkpoint: string,
  { config = {}, tensors }: Changes,
): Promise<string> {
  const folder = join(await temporaryFolder(), "source");
  await mkdir(folder);
  await cp(checkpoint, folder, { recursive: true, filter: (path) => !isModelWeights(basename(path)) });
  const original = JSON.parse(await readFile(join(checkpoint, "config.json"), "utf8"));
  await writeFile(join(folder, "config.json"), JSON.stringify({ ...original, ...config }));
  const all = await readWeights(checkpoint);
  tensors?.(all);
  await writeFile(join(folder, "model.safetensors"), writeSafetensors(Object.fromEntries(all)));
  return folder;
}
