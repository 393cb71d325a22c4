import { existsSync, readdirSync } from "node:fs";
import { MODELING_FOLDER } from "../base/package.js";
import type { Architecture } from "./architecture.js";

/** What the model types' own files have in common. */
const SHARED = /^lsg_\w+\.py$/;

/** The files that transformers needs to open a converted checkpoint; none where this model type has none yet. */
export function modelingFiles(architecture: Architecture): string[] {
  const own = `${modelingModule(architecture)}.py`;
  const files = existsSync(MODELING_FOLDER) ? readdirSync(MODELING_FOLDER).sort() : [];
  return files.includes(own) ? [...files.filter((file) => SHARED.test(file)), own] : [];
}

/** The Python file that defines a model type's LSG classes, without its ending. */
export function modelingModule(architecture: Architecture): string {
  return `modeling_lsg_${architecture.modelType.replaceAll("-", "_")}`;
}
