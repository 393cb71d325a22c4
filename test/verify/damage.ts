import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { type ReadTensor, readSafetensors, writeSafetensors } from "../support/safetensors.js";

/** What is done to a folder. */
export type Damage = (folder: string) => void;

/** Sets one key of a JSON file; undefined removes it. */
export function set(file: string, key: string, value: unknown): Damage {
  return (folder) =>
    edit(folder, file, (json) => {
      json[key] = value;
    });
}

/** Removes a file. */
export function remove(file: string): Damage {
  return (folder) => rmSync(join(folder, file));
}

/** Writes a file, over one that is there. */
export function put(file: string, content: string | Buffer): Damage {
  return (folder) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  };
}

/** Writes more at a file's end. */
export function append(file: string, content: string): Damage {
  return (folder) => writeFileSync(join(folder, file), content, { flag: "a" });
}

/** Replaces text in a file, once. */
export function replace(file: string, from: string | RegExp, to: string): Damage {
  return (folder) => {
    const old = readFileSync(join(folder, file), "utf8");
    const text = old.replace(from, to);
    if (text === old) throw new Error(`${file} has no ${from}`);
    writeFileSync(join(folder, file), text);
  };
}

/** Flips the lowest bit of a byte. @param at counted from the end where negative */
export function flipBit(file: string, at: number): Damage {
  return (folder) => {
    const bytes = readFileSync(join(folder, file));
    const place = at < 0 ? bytes.length + at : at;
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    writeFileSync(join(folder, file), bytes);
  };
}

/** Changes a JSON file in place. */
export function edit(
  folder: string,
  file: string,
  // biome-ignore lint/suspicious/noExplicitAny: any file's content
  change: (json: any) => unknown,
): void {
  const path = join(folder, file);
  const json = JSON.parse(readFileSync(path, "utf8"));
  change(json);
  writeFileSync(path, JSON.stringify(json, null, 2));
}

/** Changes the tensors of a safetensors file in place, in their order. */
export function editTensors(
  folder: string,
  change: (tensors: Map<string, ReadTensor>) => void,
  file = "model.safetensors",
): void {
  const path = join(folder, file);
  const tensors = new Map(
    [...readSafetensors(path)].map(([name, tensor]) => [
      name,
      { ...tensor, bytes: Buffer.from(tensor.bytes) },
    ]),
  );
  change(tensors);
  writeFileSync(path, writeSafetensors(Object.fromEntries(tensors)));
}

/** Changes one tensor's bytes in place. @param row bytes of a row */
export function editTensor(
  folder: string,
  name: string,
  change: (bytes: Buffer, row: number) => void,
  file?: string,
): void {
  editTensors(
    folder,
    (tensors) => {
      const tensor = tensors.get(name);
      if (!tensor) throw new Error(`there is no tensor ${name}`);
      change(tensor.bytes, tensor.bytes.length / (tensor.shape[0] ?? 1));
    },
    file,
  );
}

/** Puts another conversion's file in the place of a folder's own. */
export function takenFrom(
  { folder: other }: { readonly folder: string },
  ...files: readonly string[]
): Damage {
  return (folder) => {
    for (const file of files) cpSync(join(other, file), join(folder, file));
  };
}

/** Changes a graph and writes it again. */
export function editGraph(file: string, change: (model: ModelProto) => void): Damage {
  return (folder) => {
    const path = join(folder, file);
    const model = fromBinary(ModelProtoSchema, readFileSync(path));
    change(model);
    writeFileSync(path, toBinary(ModelProtoSchema, model));
  };
}
