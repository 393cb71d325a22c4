import type { LocalAttention } from "../attention/variants.js";
import type { ModelTypeOrigin } from "../checkpoint/checkpoint.js";
import type { OmittedFile } from "../checkpoint/left-out.js";
import type { Rows, Run } from "../checkpoint/rows.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import type { RecordedOptions } from "../options/options.js";
import type { Variant } from "../options/schemas.js";
import type { Dtype } from "../safetensors/dtype.js";
import type { TensorInfo } from "../safetensors/header.js";
import type { TokenIdMap } from "../tokenizer/add-tokens.js";
import type { LengthEdit, Lengths } from "../tokenizer/raise-length.js";

/** Values that come from no source tensor, reproducible from the seed. */
export type Generator =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly standardDeviation: number; readonly seed: number }
  /** Draws from the normal distribution that has the mean and covariance of a tensor's rows. */
  | { readonly kind: "normal of rows"; readonly tensor: string; readonly seed: number }
  /** `total` rows, spread evenly over the rows of a tensor behind its first, each between its two neighbours there. */
  | { readonly kind: "interpolated rows"; readonly rows: Rows; readonly total: number }
  /** `total` rows that go on where a tensor's end, `skipped` rows behind the last: `rowsInPhase` says which. */
  | { readonly kind: "rows in phase"; readonly rows: Rows; readonly skipped: number; readonly total: number }
  /** Sines and cosines of positions. */
  | { readonly kind: "sinusoids"; readonly positions: readonly Run[] };

/** One summand: rows one after the other, or generated ones. */
export type Term = readonly Rows[] | Generator;

/** Some rows of a planned tensor. A copy moves bytes and is exact in every dtype; the others compute. */
export type Segment =
  | { readonly kind: "copy"; readonly rows: Rows }
  | {
      readonly kind: "sum";
      readonly count: number;
      readonly terms: readonly Term[];
      /** Elements of a row, where it is not one of the tensor's. */
      readonly rowLength?: number;
    };

/** A tensor to be written, with its final place in the shard. */
export interface PlannedTensor extends TensorInfo {
  readonly segments: readonly Segment[];
}

export interface PlannedShard {
  readonly file: string;
  /** The source's file that holds the same, tensor for tensor: it is copied as it is. */
  readonly copyOf?: string;
  readonly metadata: ReadonlyMap<string, string> | undefined;
  readonly tensors: ReadonlyMap<string, PlannedTensor>;
}

/** A tensor of the source that the result does not hold. */
export interface DroppedTensor {
  readonly name: string;
  readonly reason: string;
}

export type SideFile =
  | { readonly kind: "copy"; readonly path: string }
  /** A copy that every reader of JSON takes, with its lengths raised, and tokens added to it. */
  | {
      readonly kind: "edit";
      readonly path: string;
      readonly edits: readonly LengthEdit[];
      readonly tokens?: TokenIdMap;
    }
  /** A file that comes with lsg. */
  | { readonly kind: "modeling"; readonly path: string }
  | { readonly kind: "write"; readonly path: string; readonly content: string };

/** config.json: top-level keys that change. Every other key stays as it is. */
export interface PlannedConfig {
  readonly kind: "config";
  readonly path: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly remove: readonly string[];
}

/** What is promised of a result, by its original's outputs; lsg_conversion.json holds it. */
export interface Promised {
  /** Up to so many tokens the result computes what the source computed; 0 where nothing is promised. */
  readonly lossless_up_to: number;
  /** Up to so many its base model's hidden states are the source's. */
  readonly hidden_states_up_to: number;
  /** Why it is no more, where that is less than the source reads. */
  readonly why?: string;
}

/** What was converted and what is promised of it; lsg_conversion.json holds this. */
export interface ConversionRecord {
  /** 1: may hold no hashes of a folder, or one of all its files; `verified`, which is not read any more. */
  readonly format_version: 1 | 2;
  /** Left out by versions that did not write it yet. */
  readonly lsg_version?: string;
  readonly source: {
    readonly model: string;
    /** The Hub's commit. */
    readonly revision?: string;
    /** Of a folder, of each file that was read. In format 1 of those that `lsg batch` converted; see `hashOfHashes`. */
    readonly sha256?: FileHashes | string;
  };
  readonly model_type: string;
  /** What said so, where the source's config.json has no `model_type`. */
  readonly model_type_from?: ModelTypeOrigin;
  readonly architecture: string;
  readonly variant: Variant;
  readonly max_sequence_length: { readonly from: number; readonly to: number };
  readonly added_tokens?: TokenIdMap;
  /** What the table of global tokens starts from, where the source did not say; left out where it did. */
  readonly unread_global_table?: UnreadGlobals;
  readonly options: RecordedOptions;
  /** The keys of the source's attention, where it was a conversion already: what is lossless depends on them. */
  readonly source_attention?: Readonly<Record<string, unknown>>;
  readonly promise: Promised;
}

/**
 * What was chosen for the table of global tokens, which the model does not read: without the token's id in the source,
 * or in place of a distance between positions that does not fit. Names are those of config.json and the options.
 */
export interface UnreadGlobals {
  readonly bos_token_id?: number;
  readonly mask_token_id?: number;
  readonly global_positional_stride?: number;
}

/** What a record says that no plan can know. */
export type Provenance = Pick<ConversionRecord, "lsg_version" | "source">;

/** Everything that a conversion will do, decided before a byte is written. Plain data, frozen; --dry-run prints it. */
export interface ConversionPlan {
  readonly record: ConversionRecord;
  readonly length: Lengths;
  /** Whether the result's class generates: its exports have other graphs. */
  readonly generates: boolean;
  /** The attention of the result; its keys are in `config.set` as well. */
  readonly attention: LocalAttention;
  readonly config: PlannedConfig;
  readonly shards: readonly PlannedShard[];
  readonly dropped: readonly DroppedTensor[];
  /** Tensors of the source that the result holds and its class does not have. */
  readonly carried: readonly string[];
  readonly sideFiles: readonly SideFile[];
  readonly omitted: readonly OmittedFile[];
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** A planned tensor before it has a place. */
export interface TensorDraft {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly segments: readonly Segment[];
}
