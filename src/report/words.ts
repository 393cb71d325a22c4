import type { Model } from "../model/model.js";
import { formatNumber } from "./numbers.js";

/** "1 length", "2 lengths". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** "10 lengths up to 4096". @param lengths ascending */
export function lengthsUpTo(lengths: readonly number[]): string {
  return `${counted(lengths.length, "length")} up to ${lengths.at(-1)}`;
}

/** What a model's encoder gives: all of most base models, or half of an encoder-decoder. */
export function statesOf({ architecture }: Model): string {
  return architecture.decoder ? "encoder states" : "hidden states";
}

/** "largest difference 2.4e-6 at 512 tokens". */
export function largestAt(value: number, length: number, what = "difference"): string {
  return value === 0 ? `no ${what}` : `largest ${what} ${formatNumber(value)} at ${counted(length, "token")}`;
}
