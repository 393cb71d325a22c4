import type { KeptRows } from "../../attention/variant-row.js";
import type { Model } from "../../model/model.js";
import type { OnnxFunction } from "../../onnx/body.js";
import type { ConversionRecord } from "../../plan/types.js";
import type { Batch } from "../../runtime/batch.js";
import type { Outcome } from "../check.js";
import type { Subject } from "../model/subject.js";
import type { OpCheck } from "./check-op.js";
import type { LongCheck } from "./compare-by-hand.js";

/** Tokens `[start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a change of one token may do to the outputs of a single layer, by the attention's definition. */
export interface Reach {
  /** Tokens that attend to the changed one whatever it holds. */
  readonly local: Span;
  /** Tokens that it can reach as one of the sparse keys; they contain `local`. */
  readonly sparse: Span;
  /** Whether token 0 sees every other one, being global or standing in for a global token. */
  readonly first: boolean;
}

/** Makes a batch of so many columns. @param index any number: with each its rows are of other shapes */
export type MakeBatch = (length: number, seed: number, index: number) => Batch;

/** What an attention is held against, by its definition and its keys in config.json. */
export interface AttentionProof {
  /** The ops that an encoder's graphs are built of. */
  encoderOps(check: OpCheck): OnnxFunction[];
  /** Compares one of them with its definition, computed in float64 token by token, at hostile lengths. */
  checkOp(op: OnnxFunction, check: OpCheck): Promise<Outcome>;
  /** Where inputs are cut: compares how a graph does it with its definition. */
  checkPlan?(check: OpCheck): Promise<Outcome>;
  /** Where long inputs follow from what a model makes of short ones: compares the two. */
  checkLong?(subject: Subject, check: LongCheck): Promise<Outcome>;
  /** Makes batches of inputs at which graphs go wrong if they do, where single rows would not tell. */
  hostileRows?(subject: Pick<Subject, "converted" | "inputs">): MakeBatch;
  /** Ids that tell a pair from a text. */
  readonly separators: readonly number[];
  /**
   * @param token the changed one, not the first
   * @param length beyond what is seen in full, else every token sees it
   */
  reachOf(token: number, length: number, causal: boolean): Reach;
  /** Whether a token reaches the first one through all layers, of which none has a global token. */
  reachesFirst(token: number, layers: number): boolean;
  /** The keys of config.json that the recorded options decide. */
  askedOf(record: ConversionRecord, model: Model): Readonly<Record<string, unknown>>;
  /** What may be promised besides where lsg 0.1.0 converted, which did not record the source's own attention. */
  unrecordedLengths(maxLength: number, keptRows: KeptRows): readonly number[];
  /** The key that transformers ignores, where that makes its outputs others. */
  readonly ignoredKey: string | undefined;
}
