import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Hashing waits for the processor; larger pieces than the stream's 64 KB save a third of it. */
const CHUNK_BYTES = 1 << 20;

/** What takes bytes one after the other: a hash, or several. */
export interface Hashed {
  update(bytes: Buffer): unknown;
}

export interface HashingContext {
  readonly signal?: AbortSignal | undefined;
  /** Told of each piece. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Updates a hash with a file's bytes, as they come from the disk.
 * @throws the signal's reason, once it is aborted
 */
export async function hashFile(
  path: string,
  hash: Hashed,
  { signal, onBytes }: HashingContext = {},
): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    hash.update(chunk);
    onBytes?.(chunk.length);
  }
}

/** The SHA-256 of a file, in hexadecimal digits. @throws the signal's reason, once it is aborted */
export async function sha256Of(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  await hashFile(path, hash, { signal });
  return hash.digest("hex");
}
