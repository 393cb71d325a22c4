import type { LsgError } from "../../src/base/errors.js";

/** A reader of what strangers write, and what must hold of it whatever they write. */
export interface Target {
  /** Of what its inputs are made, for the mutations that reach furthest into it. */
  readonly kind: "bytes" | "json" | "text";
  /** Valid files below `fixtures/`, beside those of `test/fuzz/corpus/<name>/`. */
  readonly fixtures: readonly string[];
  /** Pieces that its format is made of. */
  readonly words: readonly string[];
  /** The errors with which it may refuse an input; any other is a bug. */
  readonly refusals: readonly (abstract new (
    ...args: never[]
  ) => Error)[];
  /** Made once, before the first input; what is returned is called after the last. */
  prepare?(folder: string): Promise<() => Promise<void>>;
  /**
   * Reads an input, and proves what it read.
   * @param folder for files that only the input is to change
   * @throws one of `refusals`, or a bug
   */
  check(input: Buffer, folder: string): void | Promise<void>;
}

/** Says that something does not hold which must. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`must hold and does not: ${what}`);
}

/** Runs a target on an input. @returns whether it was read; else it was refused by name */
export async function tryInput(target: Target, input: Buffer, folder: string): Promise<boolean> {
  try {
    await target.check(input, folder);
    return true;
  } catch (error) {
    if (!target.refusals.some((kind) => error instanceof kind)) throw error;
    const { message, exitCode = 2 } = error as Partial<LsgError>;
    must(message !== "" && exitCode !== 70, "a refusal says why");
    return false;
  }
}
