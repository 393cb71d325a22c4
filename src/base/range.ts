/** `first`, …, `end` − 1; none where `end` is not beyond `first`. */
export function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}
