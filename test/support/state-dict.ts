import { call, dict, op, type Pushed, pickle, storage, zip } from "../pickle/assemble.js";
import type { ReadTensor } from "./safetensors.js";

const STORAGES: Readonly<Record<string, readonly [name: string, bytes: number]>> = {
  F32: ["FloatStorage", 4],
  F16: ["HalfStorage", 2],
  BF16: ["BFloat16Storage", 2],
  I64: ["LongStorage", 8],
};

/** A file as torch.save writes it of a state dict. @param around what the dict of tensors stands in */
export function writeStateDict(
  tensors: Readonly<Record<string, ReadTensor>>,
  around: (stateDict: Pushed) => Pushed = (stateDict) => stateDict,
): Buffer {
  const entries = Object.entries(tensors);
  const pushed = entries.map(([name, { dtype, shape }], i) => {
    const [type] = STORAGES[dtype] ?? [];
    if (type === undefined) throw new TypeError(`no storage is known for ${dtype}`);
    const elements = shape.reduce((product, size) => product * size, 1);
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, size) => product * size, 1),
    );
    const stored = storage({ type: op.global("torch", type), key: String(i), elements });
    return [
      name,
      call("torch._utils", "_rebuild_tensor_v2", [stored, 0, shape, strides, false, null]),
    ] as const;
  });
  return zip({
    "archive/data.pkl": pickle(around(dict(pushed))),
    "archive/byteorder": Buffer.from("little"),
    ...Object.fromEntries(entries.map(([, { bytes }], i) => [`archive/data/${i}`, bytes])),
  });
}
