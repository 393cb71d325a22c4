import { PickleError } from "../base/errors.js";
import { pythonCommand } from "../base/python-command.js";
import type { PickleValue } from "./values.js";

/** Longest name from a file that is repeated in an error. */
const MAX_QUOTED = 120;

/** Stands for the file in a remedy: only `readStateDict` knows its name. */
export const FILE = "FILE";

/**
 * Leaves tensors alone in a file, of whatever it holds: a whole model's state dict, dicts in dicts. Written by torch.save,
 * since safetensors' save_file refuses tensors that share memory.
 */
const TENSORS_ALONE =
  `m = torch.load(${FILE}, map_location="cpu", weights_only=False); ` +
  "plain = lambda d: {k: plain(v) if isinstance(v, dict) else v " +
  "for k, v in d.items() if isinstance(v, (dict, torch.Tensor))}; " +
  `torch.save(plain(m.state_dict() if hasattr(m, "state_dict") else m), ${FILE})`;

/** PyTorch rebuilds them on their own device, which is not here. */
const ON_THE_CPU =
  "torch._utils._rebuild_device_tensor_from_numpy = torch._utils._rebuild_xla_tensor = " +
  "lambda data, dtype, *_: torch.from_numpy(data).to(dtype); ";

/** What PyTorch names in quantised tensors. */
const QUANTISED =
  /^torch\.(Q\w+Storage|q\w*int\w+|per_\w+_affine\w*)$|\b_rebuild_qtensor$|\.ao\.|\.quantized\./;
/** What it names in tensors of a TPU and the like. */
const OF_A_DEVICE =
  /^torch\._utils\._rebuild_(device_tensor_from_numpy|device_tensor_from_cpu_tensor|xla_tensor)$/;
/** Where the classes of models are. */
const OF_A_MODEL = /^(transformers|sentence_transformers|torch\.nn)\./;

/** A text from the file for an error message: quoted, control characters escaped, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

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

/** A file that breaks its format. */
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
  const quoted = quote(fullName).slice(1, -1);
  if (QUANTISED.test(fullName)) {
    return new PickleError(
      `its weights are quantised: its pickle names ${quoted}`,
      "Convert the model as it was before it was quantised; lsg makes graphs of 8 and 4 bits of it (--onnx q8,q4).",
    );
  }
  if (OF_A_DEVICE.test(fullName)) {
    return new PickleError(
      `holds tensors of another device, such as a TPU: its pickle names ${quoted}`,
      tensorsAlone(ON_THE_CPU),
    );
  }
  const what = OF_A_MODEL.test(fullName) ? "holds a whole model, not its state dict, and " : "";
  return refused(
    `${what}asks to run code: its pickle names ${quoted}, which a state dict has no need of; nothing was run`,
  );
}

/** How to make a plain state dict of a file. @param first Python that comes before it is loaded */
function tensorsAlone(first = ""): string {
  return (
    "Use this model's safetensors files, if there are some. If not, and if you trust the file, whose code this runs: " +
    `in a copy of the folder run ${pythonCommand(`import torch; ${first}${TENSORS_ALONE}`)}, and convert the copy.`
  );
}
