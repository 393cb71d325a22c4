import { SCORES_FOR_ALL } from "../attention/score-memory.js";

/** What of the machine's memory, or of the container's, may be taken. */
const SHARE = 0.9;

/** Models that a verification holds in memory at a time. */
const MODELS = 2;

export function freeBytes(): number {
  return SHARE * process.availableMemory();
}

/** Bytes that the scores of one of two models may take. */
export function bytesForScores(): number {
  return Math.max(SCORES_FOR_ALL, freeBytes() / MODELS);
}
