import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { serializeHeader, tensorBytes } from "../../src/safetensors/header.js";
import { readFolder } from "./safetensors.js";
import { writeTinyModel } from "./tiny-model.js";

/** A model whose weights take long enough to be interrupted. */
export async function largeModel(): Promise<string> {
  const words = 20_000_000;
  const folder = await writeTinyModel({ config: { vocab_size: words } });
  const path = join(folder, "model.safetensors");
  let end = 0;
  const infos = [...readFolder(folder)].map(([name, { dtype, shape }]) => {
    const large = name === "embeddings.word_embeddings.weight" ? [words, 4] : shape;
    const begin = end;
    end += tensorBytes(dtype, large) ?? 0;
    return [name, { dtype, shape: large, data_offsets: [begin, end] as const }] as const;
  });
  const header = serializeHeader(new Map(infos), undefined);
  // The data is a hole in the file: no disk is needed to read it.
  await writeFile(path, header);
  const file = await open(path, "r+");
  await file.truncate(header.length + end);
  await file.close();
  return folder;
}
