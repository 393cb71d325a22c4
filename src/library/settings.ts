import { OptionError } from "../base/errors.js";
import type { Counted, Progress } from "../base/progress.js";
import type { Flag } from "../options/flags.js";
import type { Check } from "../verify/check.js";
import type { Listener } from "../verify/recorder.js";

/** What a long call tells while it runs. */
export type LsgEvent =
  /** What is going on, in a sentence. */
  | { readonly type: "step"; readonly text: string }
  /** How far something is that counts bytes; the last one of it has `done` equal to `total`, or it failed. */
  | { readonly type: "bytes"; readonly text: string; readonly done: number; readonly total: number }
  /** How far something is that counts texts; `secondsLeft` is a guess, of everything that is to be done. */
  | ({ readonly type: "count" } & Counted)
  /** A check of a verification has begun. */
  | { readonly type: "check-start"; readonly title: string }
  /** What a check found. */
  | { readonly type: "check"; readonly check: Check };

export type OnEvent = (event: LsgEvent) => void;

/** Byte counts come no more often than this, in milliseconds: often enough to draw, and few for a large file. */
const INTERVAL_MS = 100;

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

/** What every call of the library takes beside its options. */
export interface CallSettings {
  /** Aborts the call: it then rejects with the signal's reason, and the target is as it was. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
}

/** `block_size` → `blockSize`. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

export type CamelCased<T> = { readonly [K in keyof T & string as CamelCase<K>]?: T[K] | undefined };

/** All optional, undefined included. */
export type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * The options among what a call was given.
 * @throws OptionError for a key that is not an option: a misspelt one would change nothing, without a word
 */
export function optionsOf(given: object, flags: readonly Flag[]): Record<string, unknown> {
  const known = new Set(flags.map(({ key }) => key));
  const unknown = Object.keys(given).find((key) => !known.has(key));
  if (unknown === undefined) return { ...given };
  throw new OptionError(`unknown option "${unknown}"`, `There are ${[...known].sort().join(", ")}.`);
}
