import { create } from "@bufbuild/protobuf";
import {
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type TypeProto,
  TypeProtoSchema,
} from "onnx-buf";
import { DTYPES, type Dtype } from "../safetensors/dtype.js";
import { encodeFloats } from "../safetensors/floats.js";

/** The dtypes that a graph's small constants come in. */
export type ConstantDtype = "I64" | "F32" | "BOOL";

/** A dimension: a size, or the name of an axis whose size each run decides. */
export type Dimension = number | string;

/** `TensorProto.DataType` of a dtype. @throws RangeError for one that ONNX lacks. */
export function onnxDataType(dtype: Dtype): TensorProto_DataType {
  const facts = DTYPES[dtype];
  if (!("onnx" in facts)) throw new RangeError(`ONNX has no element type for ${dtype}`);
  return TensorProto_DataType[facts.onnx];
}

/** A small tensor as a message with its bytes inside, little-endian as `raw_data` wants them. */
export function constantTensor(
  dtype: ConstantDtype,
  dims: readonly number[],
  values: ArrayLike<number>,
): TensorProto {
  return create(TensorProtoSchema, {
    dims: dims.map(BigInt),
    dataType: onnxDataType(dtype),
    rawData: new Uint8Array(ENCODE[dtype](values)),
  });
}

/** The type of a graph's input or output. */
export function tensorType(dtype: Dtype, dims: readonly Dimension[]): TypeProto {
  const dim = dims.map((size) => ({
    value:
      typeof size === "string"
        ? ({ case: "dimParam", value: size } as const)
        : ({ case: "dimValue", value: BigInt(size) } as const),
  }));
  const tensor = { elemType: onnxDataType(dtype), shape: { dim } };
  return create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
}

const ENCODE: Record<ConstantDtype, (values: ArrayLike<number>) => Uint8Array> = {
  F32: (values) => encodeFloats(Float64Array.from(values), "F32"),
  BOOL: (values) => Uint8Array.from(values),
  I64: (values) => {
    const bytes = new DataView(new ArrayBuffer(values.length * 8));
    Array.from(values).forEach((value, i) => {
      bytes.setBigInt64(i * 8, BigInt(value), true);
    });
    return new Uint8Array(bytes.buffer);
  },
};
