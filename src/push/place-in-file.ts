const [NUL, LF, CR] = [0, 10, 13];

/** UTF-16 begins with one of these. */
const MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
] as const;

/** The line that a byte of a text stands in, counted as editors do; of a file that is no text the byte itself. */
export async function placeInFile(
  pieces: AsyncIterable<Buffer>,
  at: number,
): Promise<{ line: number } | { byte: number }> {
  let [start, line, last, isWide] = [0, 1, NUL, false];
  for await (const piece of pieces) {
    if (start === 0) isWide = MARKS.some((mark) => mark.every((byte, i) => piece[i] === byte));
    const end = Math.min(piece.length, at - start);
    for (const byte of piece.subarray(0, Math.max(0, end))) {
      if (byte === NUL && !isWide) return { byte: at };
      if (byte === NUL) continue;
      if (byte === CR || (byte === LF && last !== CR)) line++;
      last = byte;
    }
    start += piece.length;
    if (start > at) return piece.subarray(end).includes(NUL) && !isWide ? { byte: at } : { line };
  }
  return { line };
}
