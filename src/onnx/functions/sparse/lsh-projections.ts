import type { LsgConfig } from "../../../attention/lsg-config.js";

/** Buckets of each round of lsh: the rounds that only merge, then the one that thins out. */
export function lshRounds(
  config: Pick<LsgConfig, "block_size" | "sparse_block_size" | "sparsity_factor" | "lsh_num_pre_rounds">,
): number[] {
  const chunk = Math.min(config.block_size, config.sparse_block_size);
  const merging = Array<number>(config.lsh_num_pre_rounds).fill(chunk);
  return [...merging, Math.floor(chunk / config.sparsity_factor)];
}

/**
 * Standard normal numbers, the same for the same seed and round on every machine: mulberry32 for the bits,
 * Box and Muller's transform for the shape, rounded to float32.
 */
export function lshProjections(seed: number, round: number, count: number): Float32Array {
  let state = (seed + Math.imul(round + 1, 0x9e3779b9)) | 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    // Above 0, for the logarithm.
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  });
}
