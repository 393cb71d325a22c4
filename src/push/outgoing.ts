import type { FileSource } from "../checkpoint/file-source.js";
import { isNeverOpened, type OmittedFile, readForSorting, sortFiles } from "../checkpoint/left-out.js";

/** A folder as it is pushed. */
export interface Outgoing {
  readonly source: FileSource;
  /** What lies there and stays behind. */
  readonly leftOut: readonly OmittedFile[];
}

/**
 * Leaves out of a folder what is no part of any model: hidden files, a training's state, data. Graphs and weights of every
 * format go along.
 * @throws CheckpointError for a link that leads out of it
 */
export async function outgoing(source: FileSource): Promise<Outgoing> {
  const { omitted } = sortFiles(await readForSorting(source));
  const leftOut = omitted.filter(isNeverOpened);
  const files = new Map(source.files);
  for (const { path } of leftOut) files.delete(path);
  return { source: { ...source, files }, leftOut };
}
