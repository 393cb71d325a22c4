import { existsSync, readdirSync } from "node:fs";
import type { Architecture } from "./architecture.js";
import { modelingModule } from "./variants/lsg.js";

/** Python files that are copied into converted checkpoints; the build leaves them where they are. */
export const MODELING_FOLDER = modelingFolder();

/** What the model types' own files have in common. */
const SHARED = /^lsg_\w+\.py$/;

/** The files that transformers needs to open a converted checkpoint; none where this model type has none yet. */
export function modelingFiles(architecture: Architecture): string[] {
  const own = `${modelingModule(architecture)}.py`;
  const files = existsSync(MODELING_FOLDER) ? readdirSync(MODELING_FOLDER).sort() : [];
  return files.includes(own) ? [...files.filter((file) => SHARED.test(file)), own] : [];
}

/** `converters/modeling/`, from `src/` or from `dist/src/`. */
function modelingFolder(): URL {
  const beside = new URL("../converters/modeling/", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../converters/modeling/", import.meta.url);
}
