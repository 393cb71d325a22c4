/**
 * The row of a position in a table of sinusoids: sines in its first half, cosines in the second.
 * Source: `PegasusSinusoidalPositionalEmbedding` of transformers.
 * @param width elements of a row
 */
export function sinusoidRow(position: number, width: number): Float64Array {
  const sines = Math.ceil(width / 2);
  return Float64Array.from({ length: width }, (_, i) => {
    const angle = position / 10000 ** ((2 * (i % sines)) / width);
    return i < sines ? Math.sin(angle) : Math.cos(angle);
  });
}
