import { extname } from "node:path";
import { LsgError } from "../base/errors.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { isModelWeights } from "../checkpoint/left-out.js";
import { openModel } from "../model/open.js";
import { readSizes } from "../model/tensor-specs.js";
import type { ConvertOptions } from "../options/options.js";
import { targetLength } from "../plan/positions.js";

/** Weights are streamed, and hashed beside that: 82 to 98 MB were measured for models of 90 MB to 1.3 GB. */
const CONVERSION_BYTES = 120e6;
/** With graphs: 152 to 180 MB for the same models. */
const EXPORT_BYTES = 220e6;

/** Graphs in smaller dtypes are compared with float32, whose weights are there twice while a session opens; 1.7 were measured. */
const COMPARED_COPIES = 3;

/** A verification holds both models' weights, and a copy of the converted one's in the process that measures costs. */
const WEIGHT_COPIES = 4;
/** Rows of the largest batch. */
const ROWS = 2;
/** Matrices of a layer's attention scores that are there at a time; 7 were measured. */
const SCORES = 8;

/** Of a model whose config does not say. */
const DEFAULT_HEADS = 12;
const DEFAULT_POSITIONS = 512;
/** Blocks that a token sees. */
const WINDOW_BLOCKS = 3;
/** Keys that a token sees with the reference's sizes: 3 blocks of 128, twice 128 sparse ones, a global one. */
const REFERENCE_KEYS = 641;

/**
 * Bytes that a conversion's processes are expected to take, estimated from above. What a verification takes depends on
 * its longest input, and on how many keys each token of it sees.
 */
export async function estimateMemory(source: FileSource, options: ConvertOptions): Promise<number> {
  if (!options.runTest) {
    if (!options.onnx) return CONVERSION_BYTES;
    const isCompared = options.onnx.some((dtype) => dtype !== "fp32");
    return EXPORT_BYTES + (isCompared ? COMPARED_COPIES * weightBytes(source) : 0);
  }
  const { heads, positions } = await sizesOf(source);
  const { lsg, attentionWindow = [], maxSequenceLength } = options;
  const length = targetLength(maxSequenceLength, positions);
  const keys = Math.max(
    REFERENCE_KEYS,
    WINDOW_BLOCKS * (lsg.block_size ?? Math.ceil(Math.min(positions, length) / 2)),
    ...attentionWindow.map((window) => 2 * window),
  );
  const scores = ROWS * length * heads * keys * Float32Array.BYTES_PER_ELEMENT;
  return EXPORT_BYTES + WEIGHT_COPIES * weightBytes(source) + SCORES * scores;
}

/** What decides the size of attention; the job itself finds out what is wrong with a config. */
async function sizesOf(source: FileSource): Promise<{ heads: number; positions: number }> {
  try {
    const opened = openModel(source);
    const config = await opened.config();
    const { heads } = readSizes(await opened.namedArchitecture(), config);
    const { max_position_embeddings: positions } = config;
    return { heads, positions: typeof positions === "number" ? positions : DEFAULT_POSITIONS };
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { heads: DEFAULT_HEADS, positions: DEFAULT_POSITIONS };
  }
}

/** Bytes of a model's weights, in whichever format has most. */
export function weightBytes({ files }: FileSource): number {
  const totals = new Map<string, number>();
  for (const [path, { size }] of files) {
    const format = extname(path);
    if (isModelWeights(path)) totals.set(format, (totals.get(format) ?? 0) + size);
  }
  return Math.max(0, ...totals.values());
}

/** Lets work begin as long as its memory lasts. */
export interface MemoryGate {
  /**
   * Waits, in the order of the calls, until there is room or nothing else runs: what is larger than all memory runs alone.
   * @returns gives the memory back
   * @throws the signal's reason when it is aborted meanwhile
   */
  enter(bytes: number, signal?: AbortSignal): Promise<() => void>;
}

/** @param budget bytes */
export function memoryGate(budget: number): MemoryGate {
  let used = 0;
  let inside = 0;
  const waiting: { bytes: number; open: () => void }[] = [];

  function admit(): void {
    for (
      let first = waiting[0];
      first && (inside === 0 || used + first.bytes <= budget);
      first = waiting[0]
    ) {
      waiting.shift();
      inside++;
      used += first.bytes;
      first.open();
    }
  }

  return {
    async enter(bytes, signal) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const giveUp = () => {
          waiting.splice(waiting.indexOf(place), 1);
          reject(signal?.reason);
          admit();
        };
        const open = () => {
          signal?.removeEventListener("abort", giveUp);
          resolve();
        };
        const place = { bytes, open };
        waiting.push(place);
        signal?.addEventListener("abort", giveUp, { once: true });
        admit();
      });
      return () => {
        inside--;
        used -= bytes;
        admit();
      };
    },
  };
}
