/**
 * Counts a text's characters as Python and `datasets` do, by code points, where JavaScript counts UTF-16 units.
 * @returns a function that gives for a unit the characters before it; one within a character belongs to it
 */
export function characterCounter(text: string): (unit: number) => number {
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) return (unit) => unit;
  const before = new Int32Array(text.length + 1);
  let count = 0;
  let at = 0;
  for (const character of text) {
    before.fill(count, at, at + character.length);
    at += character.length;
    count += 1;
  }
  before[text.length] = count;
  return (unit) => before[Math.min(unit, text.length)] ?? count;
}
