import { posix } from "node:path";
import { CheckpointError } from "../base/errors.js";
import { pythonCommand, pythonText } from "../base/python-command.js";
import { LENGTH_BYTES } from "../safetensors/header.js";
import type { FileSource } from "./file-source.js";
import { formatOf, type WeightFile } from "./weight-file.js";

const SAVE_AGAIN =
  "Open the model in transformers 4 (from_tf=True or from_flax=True) and save it with save_pretrained.";

const FOR_GGML = "It is made for llama.cpp or ggml: name the checkpoint that it was made from.";

/** What to do with a folder that has other weights than these, by the ending of its files. */
const FOREIGN_REMEDIES: Readonly<Record<string, string>> = {
  ".onnx": "An export has no weights of its own that could be read: name the folder that it was made from.",
  ".gguf": FOR_GGML,
  // Not reached for weights in PyTorch's own files.
  ".bin": FOR_GGML,
  ".h5": SAVE_AGAIN,
  ".msgpack": SAVE_AGAIN,
  ".ckpt": SAVE_AGAIN,
};

/** Weights of other libraries, and exports. */
const FOREIGN = /^(tf_model\.h5|flax_model\.msgpack|.*\.(ckpt\.index|onnx|gguf)|ggml\b.*\.bin)$/;

/** Files that may be weights under a name that no loader looks for. */
const RENAMED = /^[^/]+\.(safetensors|bin|pt|pth|ckpt)$/;

const SHARD = /^(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)$/;

/** What loaders call a file with these contents. */
const NAMES: Readonly<Record<WeightFile["format"], string>> = {
  safetensors: "model.safetensors",
  PyTorch: "pytorch_model.bin",
};

/** The error for a folder without weights, or with none that are called so. @param names those looked for */
export async function noWeights(source: FileSource, names: readonly string[]): Promise<CheckpointError> {
  const fault = `${source.name} has no weights: looked for ${names.join(", ")}`;
  const paths = [...source.files.keys()];
  const shard = paths.find((path) => SHARD.test(path));
  if (shard !== undefined) {
    const index = shard.endsWith(".bin") ? "pytorch_model.bin.index.json" : "model.safetensors.index.json";
    return new CheckpointError(
      `${fault}; found ${shard}, whose index is not there`,
      `Download ${index} too.`,
    );
  }
  const renamed = await largestWeights(source, paths);
  if (renamed) {
    return new CheckpointError(
      `${fault}; found ${renamed.path}, a ${renamed.format} file`,
      `If these are the model's weights, rename the file to ${NAMES[renamed.format]}, in a copy of the folder.`,
    );
  }
  const foreign = paths.find((path) => FOREIGN.test(path)) ?? paths.find((path) => path.endsWith(".ckpt"));
  return new CheckpointError(
    `${fault}${foreign ? `; found ${foreign}` : ""}`,
    foreign ? remedyFor(foreign) : "Check that the download is complete.",
  );
}

function remedyFor(foreign: string): string | undefined {
  if (!foreign.endsWith(".index")) return FOREIGN_REMEDIES[posix.extname(foreign)];
  // Saved as .bin: of TensorFlow's matrices transformers makes transposed views, which safetensors refuses.
  const code =
    "from transformers import AutoConfig, AutoModelForPreTraining; " +
    `m = AutoModelForPreTraining.from_pretrained(${pythonText(foreign)}, from_tf=True, ` +
    'config=AutoConfig.from_pretrained(".")); m.save_pretrained(".", safe_serialization=False)';
  return (
    "With transformers 4, PyTorch and TensorFlow, in a copy of the folder run " +
    `${pythonCommand(code)}, and convert the copy.`
  );
}

/** Of the files that hold tensors the largest: beside a model lie an optimizer's state, or heads. */
async function largestWeights(
  { files, readRange }: FileSource,
  paths: readonly string[],
): Promise<{ path: string; format: WeightFile["format"] } | undefined> {
  const size = (path: string) => files.get(path)?.size ?? 0;
  const found: { path: string; format: WeightFile["format"] }[] = [];
  for (const path of paths.filter((one) => RENAMED.test(one) && size(one) > LENGTH_BYTES)) {
    const format = formatOf(await readRange(path, 0, LENGTH_BYTES + 1));
    if (format) found.push({ path, format });
  }
  return found.sort((a, b) => size(b.path) - size(a.path))[0];
}
