import { OptionError } from "../base/errors.js";
import type { Flag } from "../options/flags.js";
import type { OnEvent } from "./events.js";

/** What every call of the library takes beside its options. */
export interface CallSettings {
  /** Aborts the call: it then rejects with the signal's reason, and the target is as it was. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is going on. */
  readonly onEvent?: OnEvent | undefined;
}

/** `block_size` → `blockSize`. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** An object with its keys in camelCase. */
export type CamelCased<T> = { readonly [K in keyof T & string as CamelCase<K>]?: T[K] | undefined };

/** All optional, undefined included. */
export type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * The options among what a call was given.
 * @throws OptionError for a key that is no option: a misspelt one would change nothing, without a word
 */
export function optionsOf(given: object, flags: readonly Flag[]): Record<string, unknown> {
  const known = new Set(flags.map(({ key }) => key));
  const unknown = Object.keys(given).find((key) => !known.has(key));
  if (unknown === undefined) return { ...given };
  throw new OptionError(`unknown option "${unknown}"`, `There are ${[...known].sort().join(", ")}.`);
}
