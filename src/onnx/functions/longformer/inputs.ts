import type { Op, Value } from "../../body.js";
import type { HeadInputs, Heads } from "../attend.js";

/** Heads of one dilation, and what their tokens attend to. */
export interface WindowInputs extends HeadInputs, Heads {
  readonly op: Op;
  /** Tokens that a token sees on either side. */
  readonly window: number;
  /** Distance between the tokens of a window. */
  readonly dilation: number;
  readonly globals: GlobalKeys | undefined;
}

/** Global tokens as keys that every token of their row sees. Rows with fewer of them than others have fillers. */
export interface GlobalKeys {
  /** (batch, heads, globals, head_dim), also `value`. */
  readonly key: Value;
  readonly value: Value;
  /** (batch, globals): 0, or `HIDDEN` for a filler. */
  readonly bias: Value;
  /** (batch, length): whether a token is global. */
  readonly isGlobal: Value;
}
