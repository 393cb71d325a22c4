import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeSafetensors } from "../support/safetensors.js";
import { TINY_CONFIG, tinyTensors } from "../support/tiny-model.js";

/** A tiny BERT in a folder, of which an input changes one file. @param weights the name of their file */
export async function writeTinyFolder(folder: string, weights: string): Promise<void> {
  await writeFile(join(folder, "config.json"), JSON.stringify(TINY_CONFIG));
  await writeFile(join(folder, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nword\n");
  await writeFile(join(folder, weights), writeSafetensors(tinyTensors()));
}
