import type { BlockView, DrawnAttention, Span } from "./attention-shape.js";
import { windowsLength, windowViews } from "./window-regions.js";

/** More blocks than this are too small to be seen. */
const MAX_BLOCKS = 32;

/** Blocks beyond the reach of the middle one, so that a picture shows what is not seen. */
const BLOCKS_BEYOND = 5;

/** Either size switches the sparse part off. */
export function hasSparseKeys({ sparse_block_size, sparsity_factor }: DrawnAttention): boolean {
  return sparse_block_size > 0 && sparsity_factor > 0;
}

/** What pictures call the sparse part; undefined where there is none. @param sparse where keys are picked */
export function sparseWords(shape: DrawnAttention, sparse: string): string | undefined {
  if (shape.windows) return "others in it, read from its neighbours";
  return hasSparseKeys(shape) ? sparse : undefined;
}

/** Keys that a token sees at most, its own among them. */
export function keysSeen(shape: DrawnAttention): number {
  const { block_size, num_global_tokens: globals, causal, window, windows } = shape;
  if (windows) return windows.window_size;
  if (window !== undefined) return 2 * window + 1 + globals;
  const sparse = hasSparseKeys(shape) ? (causal ? 1 : 2) * shape.sparse_block_size : 0;
  return (causal ? 2 : 3) * block_size + sparse + globals;
}

/** A length at which a picture shows everything that a block sees and something that it does not see. */
export function patternLength(shape: DrawnAttention, longest = Number.POSITIVE_INFINITY): number {
  const { block_size: size, window = size, windows } = shape;
  if (windows) return Math.min(longest, windowsLength(windows));
  const reach = Math.ceil((shape.sparse_block_size * shape.sparsity_factor) / size);
  const blocks = Math.min(MAX_BLOCKS, 2 * (Math.ceil(window / size) + reach) + 1 + BLOCKS_BEYOND);
  return Math.min(longest, blocks * shape.block_size);
}

/** What each block of an input of `length` tokens sees. In causal attention `local` ends with the query itself. */
export function blockViews(shape: DrawnAttention, length: number): BlockView[] {
  const { block_size: size, causal, window = size, windows } = shape;
  if (windows) return windowViews(windows, length);
  const reach = shape.sparse_block_size * shape.sparsity_factor;
  const within = (from: number, to: number): Span => ({ from: Math.max(0, from), to: Math.min(length, to) });
  return Array.from({ length: Math.ceil(length / size) }, (_, block) => {
    const start = block * size - window;
    const end = (block + 1) * size + (causal ? 0 : window);
    const sides = [within(start - reach, start), ...(causal ? [] : [within(end, end + reach)])];
    return {
      queries: within(block * size, (block + 1) * size),
      local: within(start, end),
      sparse: sides.filter(({ from, to }) => from < to),
    };
  });
}

/** Which keys are near a token, in words. */
export function localWords({ block_size, causal, window, windows }: DrawnAttention): string {
  if (windows) return "tokens that are read from a window";
  if (window !== undefined) return `up to ${window} tokens on either side`;
  return `own block of ${block_size} and ${causal ? "the one before" : "both neighbours"}`;
}
