/** Shows how far a long step is; does nothing where nobody looks. */
export interface Progress {
  /** Says what is going on. */
  step(text: string): void;
  /** A step that counts bytes. `advance` adds to it. */
  bytes(text: string, total: number): { advance(bytes: number): void; done(): void };
}

/** In a log a line each time so much more of a step is done. */
const LOG_EVERY = 0.25;
/** Steps that move less than this are over before anybody reads about them. */
const MIN_SHOWN_BYTES = 64 << 20;

/** No output at all. */
export const silent: Progress = {
  step() {},
  bytes: () => ({ advance() {}, done() {} }),
};

/** Progress on stderr: one line that is rewritten on a terminal, few lines in a log. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return {
    step: (text) => void stream.write(`${text}\n`),
    bytes(text, total) {
      let done = 0;
      let shown = 0;
      const show = (end: string) => {
        const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
        stream.write(
          `${stream.isTTY ? "\r\x1b[K" : ""}${text}: ${megabytes(done)} of ${megabytes(total)} MB (${percent} %)${end}`,
        );
      };
      const isShown = total >= MIN_SHOWN_BYTES;
      return {
        advance(bytes) {
          done += bytes;
          const step = stream.isTTY ? 0.01 : LOG_EVERY;
          if (!isShown || done - shown < step * total) return;
          shown = done;
          show(stream.isTTY ? "" : "\n");
        },
        done() {
          if (isShown && stream.isTTY) stream.write("\r\x1b[K");
        },
      };
    },
  };
}

/** Bytes as megabytes of 10^6, one decimal. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
