import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MODELING_FOLDER } from "../base/package.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { editTopLevel, fileSpans } from "../json/json-edit.js";
import type { ReadSource } from "../model/open.js";
import type { ConversionPlan, PlannedConfig, SideFile } from "../plan/types.js";
import { addTokens } from "../tokenizer/add-tokens.js";
import { editLengths } from "../tokenizer/raise-length.js";
import { copyWhole } from "./copy-file.js";

/** Writes config.json and every other small file of a plan. */
export async function writeSideFiles(
  folder: string,
  plan: ConversionPlan,
  source: FileSource,
  read: ReadSource,
): Promise<void> {
  for (const file of [plan.config, ...plan.sideFiles]) {
    const path = join(folder, file.path);
    await mkdir(dirname(path), { recursive: true });
    if (file.kind === "copy") await copyWhole(await source.localPath(file.path), path);
    else await writeFile(path, await plannedContent(file, read));
  }
}

/**
 * The bytes of a small file of a plan: what is written, and what a folder is verified by.
 * @param read of the source
 */
export async function plannedContent(file: PlannedConfig | SideFile, read: ReadSource): Promise<Buffer> {
  switch (file.kind) {
    case "config": {
      const content = await read(file.path);
      const removed = file.remove.map((key) => [key, undefined] as const);
      const changes = new Map([...Object.entries(file.set), ...removed]);
      return editTopLevel(content, changes, fileSpans(content, file.path));
    }
    case "copy":
      return read(file.path);
    case "edit": {
      const content = editLengths(await read(file.path), file.edits);
      return file.tokens ? addTokens(file.path, content, file.tokens) : content;
    }
    case "modeling":
      return readFile(new URL(file.path, MODELING_FOLDER));
    case "write":
      return Buffer.from(file.content);
  }
}
