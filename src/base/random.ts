export type NormalSource = () => number;

/**
 * Standard normal numbers, the same for the same seed on every machine. Uniform numbers come from sfc32
 * (C. Doty-Humphrey, PractRand), normal ones from them by the Box–Muller transform.
 * @param seed any integer; its lower 32 bits count
 */
export function seededNormal(seed: number): NormalSource {
  const uniform = seededUniform(seed);
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // 1 − u lies in (0, 1], where the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** Uniform numbers in [0, 1) with 32 random bits. */
export function seededUniform(seed: number): () => number {
  let [a, b, c, counter] = [0, seed | 0, seed >>> 16, 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first outputs still show the seed.
  for (let i = 0; i < 16; i++) next();
  return next;
}
