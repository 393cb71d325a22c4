import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { OptionError, systemErrorCode, whyOfSystemError } from "../../base/errors.js";

/** What stands for stdin. */
export const STDIN = "-";

/** How a data file is called in messages. */
export function titleOfFile(path: string): string {
  return path === STDIN ? "stdin" : path;
}

/**
 * The text of a file, of any size, in pieces; gzipped ones are unpacked. A byte order mark is no part of it.
 * @throws OptionError for one that cannot be read, or is not text in UTF-8
 */
export async function* readText(path: string, signal?: AbortSignal): AsyncGenerator<string> {
  const title = titleOfFile(path);
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  try {
    for await (const bytes of unpacked(path, signal)) {
      if (line === 1 && /^(\xff\xfe|\xfe\xff)/.test(bytes.subarray(0, 2).toString("latin1"))) {
        throw new OptionError(`${title} is UTF-16`, "Save it as UTF-8.");
      }
      const text = decoder.decode(bytes, { stream: true });
      yield text;
      for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) line += 1;
    }
    yield decoder.decode();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ABORT_ERR" || error instanceof OptionError) throw error;
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw new OptionError(`${title}, at line ${line} or soon after: it is not UTF-8`, "Save it as UTF-8.");
    }
    if (code === undefined) throw error;
    if (/^Z_/.test(code))
      throw new OptionError(`${title} is gzipped, and damaged: ${(error as Error).message}`);
    throw new OptionError(`${title} cannot be read: ${whyOfSystemError(code)}`, "Check the path.");
  }
}

async function* unpacked(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const stream: Readable =
    path === STDIN ? process.stdin : createReadStream(path, { ...(signal && { signal }) });
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const { value: first, done } = await chunks.next();
  if (done) return;
  const whole = Readable.from(following(first, chunks), { objectMode: false });
  yield* first[0] === 0x1f && first[1] === 0x8b ? whole.pipe(createGunzip()) : following(first, chunks);
}

async function* following(first: Buffer, others: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield first;
    for (let next = await others.next(); !next.done; next = await others.next()) yield next.value;
  } finally {
    await others.return?.();
  }
}
