import { PickleError } from "../base/errors.js";
import { pythonCommand } from "../base/python-command.js";
import { quote } from "../base/quote.js";
import type { PickleValue } from "./values.js";

/** Stands for the file in a remedy: only `readStateDict` knows its name. */
export const FILE = "FILE";

/**
 * Leaves tensors alone in a file, of whatever it holds: whole models' state dicts, dicts and lists in dicts, arrays of
 * numpy. Written by torch.save, since safetensors' save_file refuses tensors that share memory.
 */
const TENSORS_ALONE =
  "plain = lambda v: v if isinstance(v, torch.Tensor) " +
  'else plain(v.state_dict()) if hasattr(v, "state_dict") ' +
  'else torch.from_numpy(v) if type(v).__name__ == "ndarray" and v.dtype.kind in "fiu" ' +
  "else {str(k): plain(x) for k, x in (v.items() if isinstance(v, dict) else enumerate(v))} " +
  "if isinstance(v, (dict, list, tuple)) else None; " +
  "tensors = lambda d: {k: tensors(v) if isinstance(v, dict) else v for k, v in d.items() if v is not None}; " +
  `torch.save(tensors(plain(torch.load(${FILE}, map_location="cpu", weights_only=False))), ${FILE})`;

/** PyTorch rebuilds them on their own device, which is not here. */
const ON_THE_CPU =
  "torch._utils._rebuild_device_tensor_from_numpy = torch._utils._rebuild_xla_tensor = " +
  "lambda data, dtype, *_: torch.from_numpy(data).to(dtype); ";

/** Characters of a name that are looked at: those that are known are shorter. */
const MAX_KNOWN = 200;

/** What files hold that name what no state dict does. */
const KNOWN_NAMES: readonly { pattern: RegExp; holds: string; remedy: string }[] = [
  {
    pattern: /^torch\.(Q\w+Storage|q\w*int\w+|per_\w+_affine\w*)$|\b_rebuild_qtensor$|\.ao\.|\.quantized\./,
    holds: "holds quantised weights",
    remedy:
      "Convert the model as it was before it was quantised; lsg makes graphs of 8 and 4 bits of it (--onnx q8,q4).",
  },
  {
    pattern: /^torch\._utils\._rebuild_(device_tensor_from_numpy|xla_tensor)$/,
    holds: "holds tensors of a TPU or another device",
    remedy: tensorsAlone(ON_THE_CPU),
  },
  {
    pattern: /^(transformers|sentence_transformers|torch\.nn)\./,
    holds: "holds a whole model, not its state dict",
    remedy: tensorsAlone(),
  },
];

/** What a value is, in few words, for an error message. */
export function describe(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "None";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `a sequence of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  return value.kind === "global" ? value.name : `a ${value.kind}`;
}

export function damaged(fault: string): PickleError {
  return new PickleError(fault, "Download the file again, or save the state dict again with torch.save.");
}

/** A file that asks for more than tensors: `fault` says for what. Nothing of it has been done. */
export function refused(fault: string): PickleError {
  return new PickleError(fault, tensorsAlone());
}

/** A name that is not on the allow-list. */
export function refusedName(module: string, name: string): PickleError {
  const fullName = `${module}.${name}`;
  const known = KNOWN_NAMES.find(({ pattern }) => pattern.test(fullName.slice(0, MAX_KNOWN)));
  const what = known ? `${known.holds}, and ` : "";
  return new PickleError(
    `${what}asks to run code: its pickle names ${quote(fullName).slice(1, -1)}, which a state dict has no need of; nothing was run`,
    known?.remedy ?? tensorsAlone(),
  );
}

/** How to make a plain state dict of a file. @param first Python that comes before it is loaded */
function tensorsAlone(first = ""): string {
  return (
    "Use this model's safetensors files, if there are some. If not, and if you trust the file, whose code this runs: " +
    `in a copy of the folder run ${pythonCommand(`import torch; ${first}${TENSORS_ALONE}`)}, and convert the copy.`
  );
}
