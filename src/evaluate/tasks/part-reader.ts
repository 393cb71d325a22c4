import { CUTTERS, type Parts, whole } from "../parts.js";
import type { Way } from "./job.js";

/** The parts in which a system reads a row. @param maxLength tokens that the model reads at once */
export function readInParts(length: number, maxLength: number, way: Way): Parts {
  if (length <= maxLength) return whole(length);
  return CUTTERS[way.reading](length, { ...way, size: maxLength });
}
