import type { Dtype } from "../safetensors/dtype.js";

/**
 * What unpickling a state dict can yield: plain data and three inert records that stand for PyTorch's
 * objects. Nothing in it was computed by code that the file chose.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleValue[]
  | PickleDict
  | PickledGlobal
  | PickledStorage
  | PickledTensor;

/** A dict. A Map, so that a key such as `__proto__` is a key like any other. */
export interface PickleDict extends Map<PickleValue, PickleValue> {}

/** A name on the allow-list: what the file may mention, and what stands for it here. */
export interface PickledGlobal {
  readonly kind: "global";
  /** `torch.FloatStorage`. */
  readonly name: string;
  /** Of a storage class: what its elements are. */
  readonly elements?: Dtype;
  /** Of a dtype: its name in safetensors. */
  readonly dtype?: Dtype;
  /** Our own stand-in for a function or class that a state dict calls. */
  readonly call?: (args: readonly PickleValue[]) => PickleValue;
}

/** A run of elements that one or more tensors are views of. */
export interface PickledStorage {
  readonly kind: "storage";
  /** The file's name for the stored bytes. */
  readonly key: string;
  readonly dtype: Dtype;
  /** Elements before this storage's first one in the stored bytes: above 0 in a view of another storage. */
  readonly start: number;
  readonly elements: number;
}

/** A tensor as the file describes it. The parts are as found, not yet proven. */
export interface PickledTensor {
  readonly kind: "tensor";
  readonly storage: PickleValue | undefined;
  /** In elements from the storage's first. */
  readonly offset: PickleValue | undefined;
  readonly shape: PickleValue | undefined;
  readonly strides: PickleValue | undefined;
  /** Where the tensor's dtype is stated apart from its storage's. */
  readonly dtype?: PickleValue | undefined;
  /** Switches that change what the stored numbers mean (`conj`, `neg`). */
  readonly flags?: PickleValue | undefined;
}

/** A state-dict file of either format, taken apart but not yet proven. */
export interface RawStateDict {
  readonly root: PickleValue;
  /** By storage key: where the stored bytes are. Each is in the file and as large as the pickle announces. */
  readonly extents: ReadonlyMap<string, Extent>;
}

/** True if `value` is the record `kind`. */
export function isKind<Kind extends "global" | "storage" | "tensor">(
  value: PickleValue | undefined,
  kind: Kind,
): value is Extract<PickleValue, { kind: Kind }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

/** True if `value` is an integer from 0 that arithmetic on file offsets represents exactly. */
export function isCount(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** A range of a file, in bytes. */
export interface Extent {
  readonly begin: number;
  readonly size: number;
}
