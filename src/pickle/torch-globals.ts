import type { PickleError } from "../base/errors.js";
import type { Dtype } from "../safetensors/dtype.js";
import { damaged, describe } from "./faults.js";
import { isKind, type PickleDict, type PickledGlobal, type PickleValue } from "./values.js";

/** Storage classes by name. An UntypedStorage counts bytes; its tensors state their dtype themselves. */
const STORAGE_CLASSES = {
  "torch.BoolStorage": "BOOL",
  "torch.ByteStorage": "U8",
  "torch.CharStorage": "I8",
  "torch.ShortStorage": "I16",
  "torch.IntStorage": "I32",
  "torch.LongStorage": "I64",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.FloatStorage": "F32",
  "torch.DoubleStorage": "F64",
  "torch.ComplexFloatStorage": "C64",
  "torch.storage.UntypedStorage": "U8",
} as const satisfies Record<string, Dtype>;

/** PyTorch's dtypes that safetensors has too. */
const DTYPE_NAMES = {
  "torch.bool": "BOOL",
  "torch.uint8": "U8",
  "torch.int8": "I8",
  "torch.uint16": "U16",
  "torch.int16": "I16",
  "torch.uint32": "U32",
  "torch.int32": "I32",
  "torch.uint64": "U64",
  "torch.int64": "I64",
  "torch.float8_e4m3fn": "F8_E4M3",
  "torch.float8_e5m2": "F8_E5M2",
  "torch.float8_e8m0fnu": "F8_E8M0",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.float32": "F32",
  "torch.float64": "F64",
  "torch.complex64": "C64",
} as const satisfies Record<string, Dtype>;

/** What a state dict calls, and our stand-in. Arguments as in PyTorch's `torch/_utils.py`. */
const CALLS: Record<string, (args: readonly PickleValue[]) => PickleValue> = {
  "collections.OrderedDict": orderedDict,
  "torch.Size": ([sizes]) => {
    if (!Array.isArray(sizes)) throw misused("torch.Size", sizes);
    return sizes;
  },
  "torch._utils._rebuild_tensor": ([storage, offset, shape, strides]) => {
    return { kind: "tensor", storage, offset, shape, strides };
  },
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides, _grad, _hooks, flags]) => {
    return { kind: "tensor", storage, offset, shape, strides, flags };
  },
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, strides, _grad, _hooks, dtype, flags]) => {
    return { kind: "tensor", storage, offset, shape, strides, dtype, flags };
  },
  "torch._utils._rebuild_parameter": parameter,
  "torch._utils._rebuild_parameter_with_state": parameter,
  // numpy's scalars, a metric beside the state dict: what they are does not matter. A dtype is a dict here, since its
  // state is set like that of an OrderedDict.
  "numpy.core.multiarray.scalar": () => null,
  "numpy._core.multiarray.scalar": () => null,
  "numpy.dtype": () => new Map(),
  "_codecs.encode": () => null,
};

/** Everything that a state dict may name. The only way for a name in a file to mean anything. */
export const TORCH_GLOBALS: ReadonlyMap<string, PickledGlobal> = new Map(
  [
    ...Object.entries(STORAGE_CLASSES).map(([name, elements]) => ({ name, elements })),
    ...Object.entries(DTYPE_NAMES).map(([name, dtype]) => ({ name, dtype })),
    ...Object.entries(CALLS).map(([name, call]) => ({ name, call })),
  ].map((global) => [global.name, { kind: "global", ...global }]),
);

/** Without an argument, or as Python 2 wrote it: with a list of key-value pairs. */
function orderedDict([pairs = []]: readonly PickleValue[]): PickleDict {
  if (!Array.isArray(pairs)) throw misused("collections.OrderedDict", pairs);
  return new Map(
    pairs.map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw misused("collections.OrderedDict", pair);
      return pair as [PickleValue, PickleValue];
    }),
  );
}

/** A parameter is its tensor; hooks, gradients and attributes are not part of a checkpoint's numbers. */
function parameter([data]: readonly PickleValue[]): PickleValue {
  if (!isKind(data, "tensor")) throw misused("torch.nn.Parameter", data);
  return data;
}

function misused(callee: string, found: PickleValue | undefined): PickleError {
  return damaged(`the pickle calls ${callee} with ${describe(found)}`);
}
