import type { Architecture } from "../architectures/architecture.js";
import { classNameOf } from "../architectures/class-names.js";
import { CheckpointError } from "../base/errors.js";
import { listed } from "../base/listed.js";
import { pythonCommand, pythonText } from "../base/python-command.js";
import type { Checkpoint, Config } from "../checkpoint/checkpoint.js";
import type { WeightFile } from "../checkpoint/weight-file.js";
import { isRecord } from "../json/json-edit.js";
import { isFloatDtype } from "../safetensors/dtype.js";

/**
 * Refuses what is not a model that lsg can compute, whatever its class and tensors.
 * @param config with the keys that the user sets on top
 * @throws CheckpointError that names the key or the tensor
 */
export function refuseUncomputable(checkpoint: Checkpoint, config: Config, architecture: Architecture): void {
  refuseOtherAttention(config, architecture);
  refuseQuantised(checkpoint);
  refuseWrapped(checkpoint, architecture);
}

function refuseOtherAttention(config: Config, architecture: Architecture): void {
  const { position_embedding_type: type, add_cross_attention } = config;
  if (type !== undefined && type !== "absolute") {
    throw new CheckpointError(
      `config.json: position_embedding_type is ${JSON.stringify(type)}; only absolute positions can be tiled`,
      `Relative positions are part of the attention: convert a ${architecture.title} with absolute ones.`,
    );
  }
  if (add_cross_attention === true) {
    throw new CheckpointError(
      "config.json: add_cross_attention is true; attention to another model's output is not supported",
      "It is the decoder of a pair: take the encoder, or a model that works alone.",
    );
  }
}

/**
 * What quantisers put in the place of a weight or beside it: GPTQ, AWQ, bitsandbytes, compressed-tensors, FP8, torch, HQQ,
 * AQLM, quanto.
 */
const QUANTISED =
  /\.(qweight|qzeros|g_idx|SCB|weight_format|absmax|quant_map|nested_(absmax|quant_map)|quant_state\..+|weight_(packed|scale|scale_inv|zero_point|shape)|_packed_params(\._packed_params)?|W_q|codebooks|weight\._(data|scale|shift))$/;

const CONVERT_THE_ORIGINAL =
  "Convert the model that it was quantised from; lsg makes graphs of 8 and 4 bits of the result (--onnx q8,q4)";

function refuseQuantised({ config, tensors }: Checkpoint): void {
  const method = methodOf(config.quantization_config ?? config.compression_config);
  const found = [...tensors].find(
    ([name, { dtype, shape }]) =>
      QUANTISED.test(name) || (name.endsWith(".weight") && shape.length > 1 && !isFloatDtype(dtype)),
  );
  if (found) {
    const [name, { dtype, shape, file }] = found;
    throw new CheckpointError(
      `${file}: tensor "${name}" is ${dtype} [${shape}]: the weights are quantised${method === undefined ? "" : ` (${method})`}`,
      `${CONVERT_THE_ORIGINAL}.`,
    );
  }
  if (method === undefined) return;
  throw new CheckpointError(
    `config.json: quantization_config says that the weights are quantised (${method}), and none of them is`,
    `${CONVERT_THE_ORIGINAL}. If these are its weights as floats again, take quantization_config out of config.json.`,
  );
}

function methodOf(quantization: unknown): string | undefined {
  if (!isRecord(quantization)) return undefined;
  return typeof quantization.quant_method === "string" ? quantization.quant_method : "of no known method";
}

/** Names that an error lists. */
const MAX_NAMED = 4;

/** A model that stands in a module with more in it: the error says how to take it out. */
function refuseWrapped({ wrapper, weightFiles }: Checkpoint, architecture: Architecture): void {
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
