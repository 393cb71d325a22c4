import { type Attention, borderOf } from "../attention/variants.js";
import { seededUniform } from "../base/random.js";

/** Where time and memory are measured first; then at twice as many tokens, up to the longest input. */
const FIRST_COST_LENGTH = 512;

/** Lengths at which a graph of blocks goes wrong if it does: around a block, two of them, and a cut last one. */
function borders(block: number): number[] {
  return [1, block - 1, block, block + 1, 2 * block - 1, 2 * block, 2 * block + 1, 3 * block + 5];
}

/** What `--lengths` asks for, or around the borders of blocks up to the longest input. */
export function sweepLengths(attention: Attention, longest: number, asked?: readonly number[]): number[] {
  return within(asked ?? [...borders(borderOf(attention)), longest - 1, longest], 1, longest);
}

/** A length for each branch of a graph, and the shortest: where other numbers are to be seen, not other shapes. */
export function branchLengths(attention: Attention, longest: number): number[] {
  const block = borderOf(attention);
  return within([1, Math.min(block, longest), Math.min(3 * block + 5, longest)], 1, longest);
}

/** Border lengths and seeded ones in between, from `shortest` to `longest`. */
export function comparedLengths(
  attention: Attention,
  [shortest, longest]: readonly [number, number],
  { count, seed, asked }: { count: number; seed: number; asked: readonly number[] | undefined },
): number[] {
  if (asked) return within(asked, shortest, longest);
  const uniform = seededUniform(seed);
  const seeded = Array.from(
    { length: count },
    () => shortest + Math.floor(uniform() * (longest - shortest + 1)),
  );
  return within(
    [...borders(borderOf(attention)), shortest, longest - 1, longest, ...seeded],
    shortest,
    longest,
  );
}

/** Where time and memory are measured: at what `--lengths` asks for, or doubled lengths up to the longest input. */
export function costLengths(longest: number, asked?: readonly number[]): number[] {
  if (asked) return [...new Set(asked)].sort((a, b) => a - b);
  const lengths: number[] = [];
  for (let length = FIRST_COST_LENGTH; length < longest; length *= 2) lengths.push(length);
  return [...lengths, longest];
}

/** In order, once each. */
function within(lengths: readonly number[], shortest: number, longest: number): number[] {
  const inside = lengths.filter((length) => length >= shortest && length <= longest);
  return [...new Set(inside)].sort((a, b) => a - b);
}
