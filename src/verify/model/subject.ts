import type { LocalAttention } from "../../attention/variants.js";
import type { Promised } from "../../plan/types.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { Runnable } from "../../runtime/runnable.js";

export interface Subject {
  readonly converted: Runnable;
  /** The converted model's attention. */
  readonly attention: LocalAttention;
  readonly original: Runnable | undefined;
  readonly inputs: InputSource;
  readonly promise: Promised;
  readonly lengths: readonly number[] | undefined;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}
