import type { Progress } from "../base/progress.js";
import type { Check } from "../verify/check.js";
import type { Listener } from "../verify/recorder.js";

/** What a long call tells while it runs. */
export type LsgEvent =
  /** What is going on, in a sentence. */
  | { readonly type: "step"; readonly text: string }
  /** How far something is that counts bytes; the last one of it has `done` equal to `total`, or it failed. */
  | { readonly type: "bytes"; readonly text: string; readonly done: number; readonly total: number }
  /** A check of a verification has begun. */
  | { readonly type: "check-start"; readonly title: string }
  /** What a check found. */
  | { readonly type: "check"; readonly check: Check };

export type OnEvent = (event: LsgEvent) => void;

/** Byte counts come no more often than this, in milliseconds: often enough to draw, and few for a large file. */
const INTERVAL_MS = 100;

/** Progress as events. */
export function progressEvents(onEvent: OnEvent): Progress {
  return {
    step: (text) => onEvent({ type: "step", text }),
    bytes(text, total) {
      let done = 0;
      let told = Date.now();
      const tell = () => onEvent({ type: "bytes", text, done, total });
      return {
        advance(bytes) {
          done += bytes;
          if (Date.now() - told < INTERVAL_MS) return;
          told = Date.now();
          tell();
        },
        done: tell,
      };
    },
  };
}

/** A verification's checks as events. */
export function checkEvents(onEvent: OnEvent): Listener {
  return {
    onStart: (title) => onEvent({ type: "check-start", title }),
    onCheck: (check) => onEvent({ type: "check", check }),
  };
}
