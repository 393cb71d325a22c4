import { printable } from "../base/printable.js";
import { megabytes } from "../base/progress.js";

/** Files and their sizes for people: `onnx/model.onnx (91 MB), onnx/model_quantized.onnx (23 MB)`. */
export function describeFiles(bytes: Readonly<Record<string, number>>): string {
  return Object.entries(bytes)
    .map(([path, size]) => `${printable(path)} (${megabytes(size)} MB)`)
    .join(", ");
}
