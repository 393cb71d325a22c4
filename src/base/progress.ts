import { printable, tell } from "./printable.js";

/** Shows how far a long step is; does nothing where nobody looks. */
export interface Progress {
  step(text: string): void;
  /** A step that counts bytes. `advance` adds to it. */
  bytes(text: string, total: number): { advance(bytes: number): void; done(): void };
}

/** How often a line is rewritten on a terminal, and how often a log gets one. Short steps show nothing. */
const REFRESH_MS = { terminal: 100, log: 5000 };

const CLEAR_LINE = "\r\x1b[K";

/** No output at all. */
export const silent: Progress = {
  step() {},
  bytes: () => ({ advance() {}, done() {} }),
};

/** Progress on stderr: one line that is rewritten on a terminal, few lines in a log. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return {
    step: (text) => tell(stream, `${printable(text)}\n`),
    bytes(text, total) {
      const refresh = stream.isTTY ? REFRESH_MS.terminal : REFRESH_MS.log;
      let done = 0;
      let shown = Date.now();
      return {
        advance(bytes) {
          done += bytes;
          if (Date.now() - shown < refresh) return;
          shown = Date.now();
          const percent = total > 0 ? Math.floor((100 * done) / total) : 100;
          const line = `${printable(text)}: ${megabytes(done)} of ${megabytes(total)} MB (${percent} %)`;
          if (stream.isTTY) stream.write(CLEAR_LINE);
          tell(stream, stream.isTTY ? line : `${line}\n`);
        },
        done() {
          if (stream.isTTY) stream.write(CLEAR_LINE);
        },
      };
    },
  };
}

/** Bytes as megabytes of 10^6, one decimal. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** How far work is that counts what is done. */
export interface Counted {
  /** What is worked on. */
  readonly name: string;
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number | undefined;
}

/** Shows how far such work is: one line that is rewritten on a terminal, few lines in a log. */
export function counting(stream: NodeJS.WriteStream): { show(counted: Counted): void; clear(): void } {
  const refresh = stream.isTTY ? REFRESH_MS.terminal : REFRESH_MS.log;
  let shown = Date.now();
  return {
    show({ name, done, total, secondsLeft }) {
      if (Date.now() - shown < refresh) return;
      shown = Date.now();
      const left = secondsLeft === undefined ? "" : `, about ${timeLeft(secondsLeft)} left in all`;
      const line = `${printable(name)}: ${done} of ${total}${left}`;
      if (stream.isTTY) stream.write(CLEAR_LINE);
      tell(stream, stream.isTTY ? line : `${line}\n`);
    },
    clear() {
      if (stream.isTTY) stream.write(CLEAR_LINE);
    },
  };
}

/** "40 s", "3 min", "2 h 10 min". */
function timeLeft(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
