import { tmpdir } from "node:os";
import { DeviceError, systemErrorCode } from "../base/errors.js";

export type Runtime = typeof import("onnxruntime-node");

const REMEDY =
  "npm install onnxruntime-node (where its CUDA libraries cannot be downloaded: " +
  "ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node)";

/**
 * ONNX Runtime, loaded when it is first needed: it is an optional dependency, and large. Quiet, since what it
 * has to say of a device that is missing comes back as an error.
 * @throws DeviceError if it is not installed, or not made for this machine
 */
export async function loadRuntime(load: () => Promise<Runtime> = importRuntime): Promise<Runtime> {
  // Wayland's library, which Vulkan drivers open even without a display, otherwise complains on stderr.
  if (process.platform === "linux") process.env.XDG_RUNTIME_DIR ??= tmpdir();
  // CUDA's products of float32 would otherwise be rounded to ten bits of fraction, which hides what is compared.
  process.env.NVIDIA_TF32_OVERRIDE ??= "0";
  // It would note each model that it opens in files below the user's home and the temporary folder, to be sent to its makers.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  try {
    const runtime = await load();
    runtime.env.logLevel = "fatal";
    return runtime;
  } catch (error) {
    throw new DeviceError(whyNot(error), REMEDY, { cause: error });
  }
}

/** ONNX Runtime, or in a few words why there is none, for what can do without. */
export async function findRuntime(
  load?: () => Promise<Runtime>,
): Promise<{ readonly runtime: Runtime } | { readonly reason: string }> {
  try {
    return { runtime: await loadRuntime(load) };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return { reason: isMissing(error.cause) ? "ONNX Runtime is missing" : error.message };
  }
}

function importRuntime(): Promise<Runtime> {
  return import("onnxruntime-node");
}

function whyNot(error: unknown): string {
  const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  if (isMissing(error)) {
    return "onnxruntime-node, which runs the graphs, is not installed";
  }
  return `onnxruntime-node does not load on ${process.platform} ${process.arch}: ${message}`;
}

function isMissing(error: unknown): boolean {
  return systemErrorCode(error) === "ERR_MODULE_NOT_FOUND";
}
