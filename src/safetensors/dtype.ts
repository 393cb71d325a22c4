/** One safetensors element type and its names elsewhere. */
export interface DtypeFacts {
  /** Bits an element takes on disk; sub-byte types must fill whole bytes per tensor. */
  readonly bits: number;
  /** `TensorProto.DataType` of ONNX, where it has one. */
  readonly onnx?: string;
}

/**
 * Every dtype of the safetensors format (`safetensors/src/tensor.rs`, `Dtype`), with its size and names.
 * The single place where element sizes and dtype names are known.
 */
export const DTYPES = {
  BOOL: { bits: 8, onnx: "BOOL" },
  F4: { bits: 4 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  U8: { bits: 8, onnx: "UINT8" },
  I8: { bits: 8, onnx: "INT8" },
  F8_E5M2: { bits: 8, onnx: "FLOAT8E5M2" },
  F8_E4M3: { bits: 8, onnx: "FLOAT8E4M3FN" },
  F8_E8M0: { bits: 8 },
  I16: { bits: 16, onnx: "INT16" },
  U16: { bits: 16, onnx: "UINT16" },
  F16: { bits: 16, onnx: "FLOAT16" },
  BF16: { bits: 16, onnx: "BFLOAT16" },
  I32: { bits: 32, onnx: "INT32" },
  U32: { bits: 32, onnx: "UINT32" },
  F32: { bits: 32, onnx: "FLOAT" },
  C64: { bits: 64, onnx: "COMPLEX64" },
  F64: { bits: 64, onnx: "DOUBLE" },
  I64: { bits: 64, onnx: "INT64" },
  U64: { bits: 64, onnx: "UINT64" },
} as const satisfies Record<string, DtypeFacts>;

export type Dtype = keyof typeof DTYPES;

/** True if `name` is a dtype of the format. Own keys only: `__proto__` is none. */
export function isDtype(name: unknown): name is Dtype {
  return typeof name === "string" && Object.hasOwn(DTYPES, name);
}

/** The dtypes that sums are computed in; `concat` moves bytes and takes every dtype. */
export const FLOAT_DTYPES = ["F16", "BF16", "F32", "F64"] as const satisfies readonly Dtype[];

/** A dtype with arithmetic. */
export type FloatDtype = (typeof FLOAT_DTYPES)[number];

/** True if sums can be computed in `dtype`. */
export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return (FLOAT_DTYPES as readonly Dtype[]).includes(dtype);
}

/**
 * The narrowest float dtype that holds every value of both. F16 and BF16 hold neither each other's range
 * nor precision, so together they need F32.
 */
export function widerDtype(a: FloatDtype, b: FloatDtype): FloatDtype {
  if (a === b) return a;
  if (a === "F64" || b === "F64") return "F64";
  return "F32";
}
