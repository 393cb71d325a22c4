import { realpath } from "node:fs/promises";
import { sep } from "node:path";
import type { FileSource } from "./file-source.js";

/** Whether one absolute path lies inside the other, or both are one. */
export function areNested(one: string, other: string): boolean {
  const isInside = (inner: string, outer: string) =>
    `${inner}${sep}`.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`);
  return isInside(one, other) || isInside(other, one);
}

/**
 * Whether two folders lie inside each other, or are one, by their paths or where links lead: what comes with a folder
 * proves nothing of it.
 */
export async function overlap({ origin: one }: FileSource, { origin: other }: FileSource): Promise<boolean> {
  if (one.kind !== "folder" || other.kind !== "folder") return false;
  return areNested(one.path, other.path) || areNested(await realpath(one.path), await realpath(other.path));
}
