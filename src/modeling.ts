import { existsSync } from "node:fs";
import type { Architecture } from "./architecture.js";
import { modelingModule } from "./variants/lsg.js";

/** Python files that are copied into converted checkpoints; the build leaves them where they are. */
export const MODELING_FOLDER = modelingFolder();

/** The files that transformers needs to open a converted checkpoint; none where this model type has none yet. */
export function modelingFiles(architecture: Architecture): string[] {
  const names = ["lsg_attention.py", `${modelingModule(architecture)}.py`];
  return names.every((name) => existsSync(new URL(name, MODELING_FOLDER))) ? names : [];
}

/** `converters/modeling/`, from `src/` or from `dist/src/`. */
function modelingFolder(): URL {
  const beside = new URL("../converters/modeling/", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../converters/modeling/", import.meta.url);
}
