/** Tries to make an input smaller; most of the way is gone much earlier. */
const MAX_TRIES = 2000;

/** A part of an input with which the same goes wrong: pieces are taken out, halves first, as long as it does. */
export async function minimised(
  input: Buffer,
  error: unknown,
  run: (input: Buffer) => Promise<unknown>,
): Promise<Buffer> {
  const kind = kindOf(error);
  let [bytes, tries] = [input, 0];
  for (let size = bytes.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < bytes.length && tries < MAX_TRIES; ) {
      const smaller = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
      tries++;
      const found = await run(smaller).then(
        () => undefined,
        (other: unknown) => kindOf(other),
      );
      if (found === kind) bytes = smaller;
      else at += size;
    }
  }
  return bytes;
}

/** Which error, and where it was thrown. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.name, error.stack?.split("\n").find((line) => /^ {4}at /.test(line))].join();
}
