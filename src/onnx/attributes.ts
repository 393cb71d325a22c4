import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type TensorProto,
} from "onnx-buf";
import type { AttributeValues } from "./ops.js";
import { onnxDataType } from "./tensor.js";

/** An attribute of a declared operator. */
export function attribute<K extends keyof AttributeValues>(
  name: string,
  kind: K,
  value: AttributeValues[K],
): AttributeProto {
  return create(AttributeProtoSchema, { name, ...ENCODE[kind](value) });
}

/** A constant's `value`. */
export function tensorAttribute(name: string, t: TensorProto): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.TENSOR, t });
}

/** A branch of an `If`. */
export function graphAttribute(name: string, g: GraphProto): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g });
}

type Fields = Partial<Pick<AttributeProto, "type" | "i" | "f" | "ints">>;

const ENCODE: { readonly [K in keyof AttributeValues]: (value: AttributeValues[K]) => Fields } = {
  int: (value) => ({ type: AttributeProto_AttributeType.INT, i: BigInt(value) }),
  float: (value) => ({ type: AttributeProto_AttributeType.FLOAT, f: value }),
  ints: (value) => ({ type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) }),
  dtype: (value) => ({ type: AttributeProto_AttributeType.INT, i: BigInt(onnxDataType(value)) }),
};
