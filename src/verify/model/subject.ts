import type { PlannedAttention } from "../../attention/planned.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { Runnable } from "../../runtime/runnable.js";

/** What the checks of a model are given. */
export interface Subject {
  readonly converted: Runnable;
  /** The converted model's attention. */
  readonly attention: PlannedAttention;
  readonly original: Runnable | undefined;
  readonly inputs: InputSource;
  /** Tokens up to which it promises what the original computes; 0 where nothing is promised. */
  readonly losslessUpTo: number;
  /** What `--lengths` asks for. */
  readonly lengths: readonly number[] | undefined;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}
