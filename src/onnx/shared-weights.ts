import { OptionError } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { SourceTensor } from "../model/names.js";
import { tensorBytes } from "../safetensors/header.js";
import type { Value } from "./body.js";
import type { GraphBuilder } from "./builder.js";
import { type FloatWeights, floatWeights } from "./float-weights.js";
import type { WeightSource } from "./weights.js";

/**
 * Weights that stay where they are: the graph points into the safetensors files, which must lie beside it.
 * Other dtypes than float32 are cast, and matrices transposed, when a runtime loads the graph.
 * @param others gives weights of files that do not lie beside it: those of small modules in subfolders
 */
export function sharedWeights(others?: FloatWeights): WeightSource {
  const other = ({ stored }: SourceTensor) => (stored.file.includes("/") ? others : undefined);
  return floatWeights({
    dtype: "F32",
    tensor: (graph, tensor) => other(tensor)?.tensor(graph, tensor) ?? pointTo(graph, tensor),
    matrix: (graph, tensor) =>
      other(tensor)?.matrix(graph, tensor) ?? graph.op.Transpose(pointTo(graph, tensor), { perm: [1, 0] }),
  });
}

/** Why graphs cannot point into a checkpoint's files; undefined where they can. */
export function notShareable({ weightFiles, tensors }: Checkpoint): string | undefined {
  const other = weightFiles.find(({ format }) => format !== "safetensors");
  if (other) return `${other.path} is no safetensors file, which a graph could point into`;
  const pruned = [...tensors].find(([, { kept }]) => kept)?.[0];
  return pruned === undefined ? undefined : `"${pruned}" lacks pruned heads, and a graph has them all`;
}

/** @throws OptionError if a checkpoint's weights are not in a form that graphs can point into. */
export function requireShareable(checkpoint: Checkpoint): void {
  const reason = notShareable(checkpoint);
  if (reason === undefined) return;
  throw new OptionError(
    `--onnx-weights shared: ${reason}`,
    "Convert the checkpoint first, or use --onnx-weights embedded.",
  );
}

function pointTo(graph: GraphBuilder, { name, stored }: SourceTensor): Value {
  const { dtype, shape, file, begin } = stored;
  const length = tensorBytes(dtype, shape) ?? 0;
  const data = { kind: "external", location: file, offset: begin, length } as const;
  const value = graph.initializer({ name, dtype, dims: shape, data });
  return dtype === "F32" ? value : graph.op.Cast(value, { to: "F32" });
}
