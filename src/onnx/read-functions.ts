import { open } from "node:fs/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type FunctionProto, FunctionProtoSchema } from "onnx-buf";
import { CheckpointError } from "../base/errors.js";

/** `ModelProto.functions` of onnx.proto. */
const FUNCTIONS_OF_MODEL = 25;

/** A tag and a length, at most: varints of 64 bits. */
const MAX_FIELD_START = 20;

/** A function's body has some ten kilobytes. */
const MAX_FUNCTION_BYTES = 64 << 20;

/**
 * The model-local functions of a graph's file. Everything else, weights above all, is stepped over unread.
 * @throws CheckpointError if the file is no protobuf message
 */
export async function readFunctions(path: string, label: string): Promise<FunctionProto[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const functions: FunctionProto[] = [];
    for (let at = 0; at < size; ) {
      const start = Buffer.alloc(Math.min(MAX_FIELD_START, size - at));
      await file.read(start, 0, start.length, at);
      const reader = new BinaryReader(start);
      const [field, wireType] = reader.tag();
      if (wireType === WireType.Varint) {
        reader.uint64();
        at += reader.pos;
        continue;
      }
      const length = wireType === WireType.LengthDelimited ? reader.uint32() : Number.NaN;
      at += reader.pos;
      if (!(at + length <= size)) throw new RangeError(`field ${field} does not end within the file`);
      if (field === FUNCTIONS_OF_MODEL && length <= MAX_FUNCTION_BYTES) {
        const bytes = Buffer.alloc(length);
        await file.read(bytes, 0, length, at);
        functions.push(fromBinary(FunctionProtoSchema, bytes));
      }
      at += length;
    }
    return functions;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${label} is no ONNX graph: ${reason}`, "Export it again.", { cause: error });
  } finally {
    await file.close();
  }
}
