/** The largest of numbers, however many: `Math.max(...numbers)` ends the stack where they are some hundred thousand. */
export function largestOf(numbers: Iterable<number>): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const number of numbers) largest = Math.max(largest, number);
  return largest;
}

/** The smallest of them. */
export function smallestOf(numbers: Iterable<number>): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const number of numbers) smallest = Math.min(smallest, number);
  return smallest;
}

/** Where the largest number is; the first of equal ones. */
export function largestIndex(numbers: Float32Array): number {
  return numbers.reduce((best, number, i) => (number > (numbers[best] ?? Number.NaN) ? i : best), 0);
}
