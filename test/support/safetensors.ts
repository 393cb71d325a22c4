import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isFloatDtype } from "../../src/safetensors/dtype.js";
import { decodeFloats, encodeFloats } from "../../src/safetensors/floats.js";
import {
  LENGTH_BYTES,
  parseHeader,
  parseHeaderLength,
  serializeHeader,
  type TensorInfo,
} from "../../src/safetensors/header.js";

export interface ReadTensor {
  readonly dtype: TensorInfo["dtype"];
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** All tensors of one file, in memory: for the tiny files of tests. */
export function readSafetensors(path: string): Map<string, ReadTensor> {
  const file = readFileSync(path);
  const length = parseHeaderLength(file.subarray(0, LENGTH_BYTES), file.length, path);
  const header = parseHeader(file.subarray(LENGTH_BYTES, LENGTH_BYTES + length), file.length, path);
  return new Map(
    [...header.tensors].map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        return [
          name,
          { dtype, shape, bytes: file.subarray(header.dataStart + begin, header.dataStart + end) },
        ];
      },
    ),
  );
}

/** All tensors of all safetensors files at the top of a folder. */
export function readFolder(folder: string): Map<string, ReadTensor> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".safetensors"));
  return new Map(files.flatMap((file) => [...readSafetensors(join(folder, file))]));
}

/** The bytes of a tensor after a cast to F32; others than floats stay as they are. */
export function asF32({ dtype, bytes }: ReadTensor): Buffer {
  return dtype === "F32" || !isFloatDtype(dtype) ? bytes : encodeFloats(decodeFloats(bytes, dtype), "F32");
}

/** A safetensors file of small tensors. */
export function writeSafetensors(tensors: Readonly<Record<string, ReadTensor>>): Buffer {
  let end = 0;
  const infos = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as [string, TensorInfo];
  });
  const data = Object.values(tensors).map(({ bytes }) => bytes);
  return Buffer.concat([serializeHeader(new Map(infos), new Map([["format", "pt"]])), ...data]);
}
