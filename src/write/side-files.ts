import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MODELING_FOLDER } from "../base/package.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { editTopLevel, fileSpans } from "../json/json-edit.js";
import type { ReadSource } from "../model/open.js";
import type { ConversionPlan, SideFile } from "../plan/types.js";
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
  await writeFile(join(folder, "config.json"), await configContent(plan, read));
  for (const file of plan.sideFiles) {
    const path = join(folder, file.path);
    await mkdir(dirname(path), { recursive: true });
    if (file.kind === "copy") await copyWhole(await source.localPath(file.path), path);
    else await writeFile(path, await sideFileContent(file, plan, read));
  }
}

/** The source's config.json with the plan's changes. */
export async function configContent(plan: ConversionPlan, read: ReadSource): Promise<Buffer> {
  const changes = new Map([
    ...Object.entries(plan.config.set),
    ...plan.config.remove.map((key) => [key, undefined] as const),
  ]);
  const content = await read("config.json");
  return editTopLevel(content, changes, fileSpans(content, "config.json"));
}

/** What a side file of a plan holds. */
export async function sideFileContent(
  file: SideFile,
  plan: ConversionPlan,
  read: ReadSource,
): Promise<Buffer> {
  switch (file.kind) {
    case "copy":
      return read(file.path);
    case "edit": {
      const content = editLengths(await read(file.path), file.edits);
      return file.addsTokens ? addTokens(file.path, content, plan.record.added_tokens ?? {}) : content;
    }
    case "modeling":
      return readFile(new URL(file.path, MODELING_FOLDER));
    case "write":
      return Buffer.from(file.content);
  }
}
