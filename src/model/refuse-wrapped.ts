import type { Architecture } from "../architectures/architecture.js";
import { classNameOf } from "../architectures/class-names.js";
import { CheckpointError } from "../base/errors.js";
import { listed } from "../base/listed.js";
import { pythonCommand, pythonText } from "../base/python-command.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { WeightFile } from "../checkpoint/weight-file.js";

/** Names that an error lists. */
const MAX_NAMED = 4;

/** @throws CheckpointError for a model that stands in a module with more in it: it says how to take it out */
export function refuseWrapped({ wrapper, weightFiles }: Checkpoint, architecture: Architecture): void {
  if (!wrapper) return;
  const { prefixes, outside, isBase } = wrapper;
  const [prefix, ...others] = prefixes;
  const [file] = weightFiles;
  const models =
    others.length > 0
      ? `there are ${prefixes.length} models, under the prefixes ${prefixes.map(pythonText).join(", ")}`
      : `the model stands under the prefix ${pythonText(prefix)}`;
  throw new CheckpointError(
    `${file?.path}: ${models}, in a module with more in it (${outside.length} tensor${outside.length === 1 ? "" : "s"} outside: ${listed(outside, MAX_NAMED)}); ` +
      "what that module computes is not known here",
    `Take ${others.length > 0 ? "the first" : "the model"} out of it: in a copy of the folder run ` +
      `${pythonCommand(modelAlone(prefix, weightFiles))}, convert the copy` +
      `${isBase ? ` with --architecture ${classNameOf(architecture, "Model")}` : ""}, and put the result back into ` +
      "the module yourself.",
  );
}

/** Python that writes the tensors under a prefix, without it, into the file that loaders look for first. */
function modelAlone(prefix: string, files: readonly WeightFile[]): string {
  const [first] = files;
  const keys = first?.keys.map((key) => `[${pythonText(key)}]`).join("") ?? "";
  // lsg has read what a PyTorch file names: nothing that runs.
  const load =
    first?.format === "PyTorch"
      ? `torch.load(f, map_location="cpu", weights_only=False)${keys}`
      : "load_file(f)";
  return (
    "import torch; from safetensors.torch import load_file, save_file; w = {}; " +
    `[w.update(${load}) for f in [${files.map(({ path }) => pythonText(path)).join(", ")}]]; ` +
    `p = ${pythonText(prefix)}; save_file({k[len(p):]: v.clone().contiguous() for k, v in w.items() ` +
    'if k.startswith(p) and isinstance(v, torch.Tensor)}, "model.safetensors", {"format": "pt"})'
  );
}
