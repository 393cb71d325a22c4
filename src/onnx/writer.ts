import { createWriteStream } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "onnx-buf";
import { CheckpointError } from "../base/errors.js";
import type { Initializer, OnnxModel, TensorData } from "./builder.js";
import { onnxDataType } from "./tensor.js";

/** A protobuf message is at most this long: its length is a signed 32-bit number to most readers. */
export const MAX_EMBEDDED_BYTES = 2 ** 31 - 1;

/** Smaller tensors stay in the graph in any case: runtimes want shapes and scalars before they map files. */
const MIN_EXTERNAL_BYTES = 1024;

/** Tensors in a data file start at multiples of this, a cache line, so that mapped weights can be used in place. */
const EXTERNAL_ALIGNMENT = 64;

/** Field numbers of onnx.proto for what is written here rather than by the protobuf library. */
const GRAPH_OF_MODEL = 7;
const INITIALIZER_OF_GRAPH = 5;
const RAW_DATA_OF_TENSOR = 9;

export interface WriteModelOptions {
  /**
   * Where weights go: into the graph's file, or beside it as `<file>_data`. By default into the file as
   * long as it stays below `MAX_EMBEDDED_BYTES`. Weights that already lie in another file stay there.
   */
  readonly weights?: "embedded" | "external" | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a model. Weights are streamed through: memory stays at a few chunks whatever their size.
 * @returns the files written: the graph, and its data file where there is one
 * @throws CheckpointError if a weight's source ends early or late
 * @throws RangeError if `weights` is "embedded" and the file would be too long
 */
export async function writeModel(
  path: string,
  model: OnnxModel,
  { weights, signal }: WriteModelOptions = {},
): Promise<string[]> {
  const embedded = modelParts(model, model.initializers.map(embed));
  const tooLong = partsLength(embedded) > MAX_EMBEDDED_BYTES;
  if (weights === "embedded" && tooLong) {
    throw new RangeError(`${basename(path)}: ${partsLength(embedded)} bytes do not fit in one message`);
  }
  if (weights !== "external" && !tooLong) {
    await writeParts(path, embedded, signal);
    return [path];
  }
  const dataPath = `${path}_data`;
  const { parts, data } = externalise(model, basename(dataPath));
  await writeParts(dataPath, data, signal);
  await writeParts(path, parts, signal);
  return [path, dataPath];
}

/** The bytes that `writeModel` would write with embedded weights, for tests and for use in memory. */
export async function modelBytes(model: OnnxModel): Promise<Uint8Array> {
  return buffer(Readable.from(chunks(modelParts(model, model.initializers.map(embed)))));
}

/** A run of a file's bytes: here already, or read when they are written. */
type Part = Uint8Array | { readonly name: string; readonly data: TensorData & { kind: "source" } };

/** A model is its messages with the initializers' put in between: protobuf's fields come in any order. */
function modelParts({ proto }: OnnxModel, tensors: readonly Part[][]): Part[] {
  const { graph, ...rest } = proto;
  const inner = [toBinary(GraphProtoSchema, graph ?? create(GraphProtoSchema)), ...tensors.flat()];
  return [
    toBinary(ModelProtoSchema, create(ModelProtoSchema, rest)),
    fieldStart(GRAPH_OF_MODEL, partsLength(inner)),
    ...inner,
  ];
}

function embed(initializer: Initializer): Part[] {
  const { data, name } = initializer;
  if (data.kind === "external") return tensorField(externalTensor(initializer, data));
  const length = dataLength(data);
  return tensorField(tensorHeader(initializer), [
    fieldStart(RAW_DATA_OF_TENSOR, length),
    data.kind === "inline" ? data.bytes : { name, data },
  ]);
}

/** The graph with references, and the bytes of the data file that they point into. */
function externalise(model: OnnxModel, location: string): { parts: Part[]; data: Part[] } {
  const data: Part[] = [];
  let end = 0;
  const tensors = model.initializers.map((initializer) => {
    const length = dataLength(initializer.data);
    if (initializer.data.kind === "external" || length < MIN_EXTERNAL_BYTES) return embed(initializer);
    const padding = -end & (EXTERNAL_ALIGNMENT - 1);
    const offset = end + padding;
    data.push(new Uint8Array(padding));
    data.push(
      initializer.data.kind === "inline"
        ? initializer.data.bytes
        : { name: initializer.name, data: initializer.data },
    );
    end = offset + length;
    return tensorField(externalTensor(initializer, { location, offset, length }));
  });
  return { parts: modelParts(model, tensors), data };
}

function tensorHeader({ name, dtype, dims }: Initializer): TensorProto {
  return create(TensorProtoSchema, { name, dataType: onnxDataType(dtype), dims: dims.map(BigInt) });
}

function externalTensor(
  initializer: Initializer,
  { location, offset, length }: { location: string; offset: number; length: number },
): TensorProto {
  const entries = { location, offset: String(offset), length: String(length) };
  const tensor = tensorHeader(initializer);
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
  tensor.externalData = Object.entries(entries).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value }),
  );
  return tensor;
}

/** One initializer field of a graph: the message, then the fields that are not in it yet. */
function tensorField(tensor: TensorProto, more: readonly Part[] = []): Part[] {
  const inner = [toBinary(TensorProtoSchema, tensor), ...more];
  return [fieldStart(INITIALIZER_OF_GRAPH, partsLength(inner)), ...inner];
}

/** Tag and length of a length-delimited field. */
function fieldStart(field: number, length: number): Uint8Array {
  // A length beyond the format's is refused by the caller, which needs the sum first.
  const varint = Math.min(length, MAX_EMBEDDED_BYTES);
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(varint).finish();
}

function dataLength(data: TensorData): number {
  return data.kind === "inline" ? data.bytes.length : data.length;
}

function partsLength(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : part.data.length), 0);
}

async function writeParts(path: string, parts: readonly Part[], signal?: AbortSignal): Promise<void> {
  await pipeline(Readable.from(chunks(parts)), createWriteStream(path), { ...(signal && { signal }) });
}

async function* chunks(parts: readonly Part[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else yield* exactly(part.name, part.data);
  }
}

/** A source's bytes, refused as soon as they are not as many as the graph says. */
async function* exactly(name: string, data: TensorData & { kind: "source" }): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of data.stream()) {
    received += chunk.length;
    if (received > data.length) break;
    yield chunk;
  }
  if (received !== data.length) {
    throw new CheckpointError(
      `${name}: ${received > data.length ? "more than" : `${received} of`} ${data.length} bytes came from its source`,
      "Check that the checkpoint's files are complete and not being written to.",
    );
  }
}
