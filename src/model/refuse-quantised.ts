import { CheckpointError } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { isRecord } from "../json/json-edit.js";
import { isFloatDtype } from "../safetensors/dtype.js";

/**
 * What quantisers put in the place of a weight or beside it: GPTQ, AWQ, bitsandbytes, compressed-tensors, FP8, torch, HQQ,
 * AQLM, quanto.
 */
const QUANTISED =
  /\.(qweight|qzeros|g_idx|SCB|weight_format|absmax|quant_map|nested_(absmax|quant_map)|quant_state\..+|weight_(packed|scale|scale_inv|zero_point|shape)|_packed_params(\._packed_params)?|W_q|codebooks|weight\._(data|scale|shift))$/;

const CONVERT_THE_ORIGINAL =
  "Convert the model that it was quantised from; lsg makes graphs of 8 and 4 bits of the result (--onnx q8,q4)";

/** @throws CheckpointError for weights that are quantised, by their tensors or by what the config says */
export function refuseQuantised({ config, tensors }: Checkpoint): void {
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
