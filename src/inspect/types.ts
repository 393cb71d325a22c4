import type { LocalAttention } from "../attention/variants.js";
import type { DrawnAttention } from "../report/attention-shape.js";

/** A tensor as its file's header tells of it. */
export interface InspectedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly file: string;
}

/** Tensors that belong together: one module, or the same one of all layers. */
export interface TensorGroup {
  readonly name: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** A tensor that a conversion writes and the source does not have, or has with another shape or content. */
export interface ChangedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its shape in the source; null for a new one. */
  readonly from: readonly number[] | null;
}

/** What a conversion would do, or why there is none. */
export type WouldConvert =
  | { readonly refused: string; readonly remedy: string | null }
  | {
      readonly variant: string;
      readonly architecture: string;
      readonly max_sequence_length: { readonly from: number; readonly to: number };
      readonly lossless_up_to: number;
      readonly hidden_states_up_to: number;
      /** Why no more is promised; null where all that the source reads is. */
      readonly why: string | null;
      /** Tensors that the result would hold and its class does not have. */
      readonly carried: readonly string[];
      readonly attention: LocalAttention;
      /** Tensors whose bytes are the source's. */
      readonly kept: number;
      readonly changed: readonly ChangedTensor[];
      readonly dropped: readonly { readonly name: string; readonly reason: string }[];
      readonly config: {
        readonly set: Readonly<Record<string, unknown>>;
        readonly remove: readonly string[];
      };
      readonly bytes: number;
      /** Bytes of one layer's attention scores for one input of the full length, in float32: now, and in full. */
      readonly scores: { readonly bytes: number; readonly full_bytes: number };
      readonly notes: readonly string[];
    };

/** What `lsg inspect --json` prints. */
export interface Inspection {
  readonly format_version: 1;
  readonly model: string;
  /** A Hub model's commit. */
  readonly revision: string | null;
  readonly model_type: string | null;
  readonly architecture: string | null;
  /** Of what kind the model's own attention is. */
  readonly attention: LocalAttention | "full";
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** Null where they could not be read without downloading the weights. */
  readonly tensors: readonly InspectedTensor[] | null;
  readonly groups: readonly TensorGroup[];
  readonly parameters: number;
  readonly bytes: number;
  readonly conversion: WouldConvert;
  /** What the picture shows: the result's attention, or that of a model that has no conversion; null for full. */
  readonly drawn: { readonly attention: DrawnAttention; readonly length: number } | null;
}
