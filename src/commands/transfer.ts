import type { Progress } from "../base/progress.js";
import type { FileSource, TransferOptions } from "../checkpoint/file-source.js";

/** Shows the download of a Hub model's file; a folder's files are there. */
export function transferOptions(
  source: FileSource,
  path: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): TransferOptions {
  if (source.origin.kind === "folder") return { signal };
  let bar: ReturnType<Progress["bytes"]> | undefined;
  let seen = 0;
  return {
    signal,
    onProgress(received, total) {
      bar ??= progress.bytes(`Downloading ${path}`, total);
      bar.advance(received - seen);
      seen = received;
      if (received === total) bar.done();
    },
  };
}
