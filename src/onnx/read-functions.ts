import { open } from "node:fs/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type FunctionProto, FunctionProtoSchema } from "onnx-buf";
import { CheckpointError } from "../base/errors.js";

/** `ModelProto.functions` of onnx.proto. */
const FUNCTIONS_OF_MODEL = 25;

/** A tag and a length, at most: varints of 64 bits. */
const MAX_FIELD_START = 20;

/** A function's body has some ten kilobytes, with lsh's directions in it some hundred; as messages it takes much more. */
const MAX_FUNCTION_BYTES = 8 << 20;

/** A model has some ten fields besides its functions, and one of these for each kind of layer. */
const MAX_FIELDS = 10_000;

/** A function, and the bytes that it was read from. */
export interface ReadFunction {
  readonly proto: FunctionProto;
  readonly body: Buffer;
}

/**
 * The model-local functions of a graph's file. Everything else, weights above all, is stepped over unread.
 * @throws CheckpointError if the file is not a protobuf message
 */
export async function readFunctions(path: string, label: string): Promise<ReadFunction[]> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const functions: ReadFunction[] = [];
    for (let at = 0, fields = 0, bytes = 0; at < size; fields++) {
      if (fields === MAX_FIELDS) throw new RangeError(`it has more than ${MAX_FIELDS} fields`);
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
      if (field === FUNCTIONS_OF_MODEL) {
        bytes += length;
        if (bytes > MAX_FUNCTION_BYTES) {
          throw new RangeError(`its functions have more than ${MAX_FUNCTION_BYTES} bytes`);
        }
        const body = Buffer.alloc(length);
        await file.read(body, 0, length, at);
        functions.push({ proto: fromBinary(FunctionProtoSchema, body), body });
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
