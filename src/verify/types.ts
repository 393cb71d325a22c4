import type { AttentionShape } from "../report/table.js";
import type { Check, DifferenceAt } from "./check.js";
import type { FolderVerdict } from "./verdict.js";

export interface CostAt {
  readonly length: number;
  readonly seconds: number;
  /** Peak memory of a process that runs nothing else, in MB of 10^6 bytes. */
  readonly megabytes: number;
}

/** What `lsg verify --json` prints and `--report` shows. */
export interface VerificationReport {
  readonly format_version: 2;
  readonly converted: string;
  /** What it was compared with; null where nothing was. */
  readonly original: string | null;
  readonly model_type: string | null;
  readonly architecture: string | null;
  readonly max_sequence_length: { readonly from: number; readonly to: number } | null;
  /** Tokens up to which the folder promises the original's outputs; 0 where nothing is promised. */
  readonly lossless_up_to: number | null;
  /** Tokens up to which it promises the hidden states of the original's base model. */
  readonly hidden_states_up_to: number | null;
  /** Why it promises no more, where that is less than the original reads. */
  readonly why: string | null;
  readonly attention: AttentionShape | null;
  /** `cpu`, `webgpu`, `cuda` … and what is known of it. */
  readonly device: { readonly name: string; readonly detail: string } | null;
  readonly seed: number;
  /** The lengths that `--lengths` asked for; null: those around the borders of blocks, and the longest. */
  readonly lengths: readonly number[] | null;
  /**
   * Tokens of the longest inputs that the models could be run with here, and compared (0: not at all): fewer than they
   * read where memory does not allow more. Null where nothing was run.
   */
  readonly looked_up_to: { readonly run: number; readonly compared: number } | null;
  readonly checks: readonly Check[];
  readonly differences: readonly DifferenceAt[];
  readonly costs: readonly CostAt[];
  readonly verdict: FolderVerdict;
  /** The verdict in a sentence: what was proven, or what fell short. */
  readonly summary: string;
}
