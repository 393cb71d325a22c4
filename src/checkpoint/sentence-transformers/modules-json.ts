import { withoutEnding } from "../../base/trim.js";
import { isRecord } from "../../json/json-edit.js";
import { parseJson } from "../checkpoint.js";

/** The file that makes a folder one of sentence-transformers: its modules, in the order in which they run. */
export const MODULES_FILE = "modules.json";

export interface ModuleEntry {
  /** Its Python class, with the package; empty where the file names none. */
  readonly type: string;
  /** Its folder; empty for the folder's top. */
  readonly path: string;
}

/**
 * Reads a modules.json; lines that name no folder are left out.
 * @throws CheckpointError if it is not JSON.
 */
export function parseModules(content: Buffer): ModuleEntry[] {
  const modules = parseJson(content, MODULES_FILE);
  return (Array.isArray(modules) ? modules : []).flatMap((module: unknown) => {
    if (!isRecord(module)) return [];
    const { type, path } = module;
    if (typeof path !== "string") return [];
    return [{ type: typeof type === "string" ? type : "", path: withoutEnding(path, "/") }];
  });
}
