const [NUL, LF, CR] = [0, 10, 13];

/** UTF-16 begins with one of these. */
const MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
] as const;

/** A place in a file, as its owner looks for it. */
export type PlaceInFile = { readonly line: number } | { readonly byte: number };

/**
 * The lines that bytes of a text stand in, counted as editors do; of a file that is no text the bytes themselves.
 * @param bytes in ascending order
 */
export async function placesInFile(
  pieces: AsyncIterable<Buffer>,
  bytes: readonly number[],
): Promise<PlaceInFile[]> {
  const places: PlaceInFile[] = [];
  let [start, line, last, isWide, isText] = [0, 1, NUL, false, true];
  const count = (part: Buffer) => {
    for (const byte of part) {
      if (byte === NUL) isText &&= isWide;
      else {
        if (byte === CR || (byte === LF && last !== CR)) line++;
        last = byte;
      }
    }
  };
  for await (const piece of pieces) {
    if (start === 0) isWide = MARKS.some((mark) => mark.every((byte, i) => piece[i] === byte));
    let from = 0;
    for (let byte = bytes[places.length]; byte !== undefined; byte = bytes[places.length]) {
      if (byte >= start + piece.length) break;
      count(piece.subarray(from, byte - start));
      from = byte - start;
      places.push(isText && (isWide || !piece.includes(NUL, from)) ? { line } : { byte });
    }
    if (places.length === bytes.length) break;
    count(piece.subarray(from));
    start += piece.length;
  }
  return places;
}
