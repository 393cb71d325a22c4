import { availableParallelism, cpus, totalmem } from "node:os";
import { packageInfo } from "../base/package.js";
import type { DeviceFinding } from "../runtime/devices.js";
import { loadRuntime } from "../runtime/runtime.js";
import type { Surroundings } from "./types.js";

/** Where and with what a measurement is made. @throws DeviceError if the runtime is not installed */
export async function surroundings({ name, detail }: DeviceFinding): Promise<Surroundings> {
  const { versions } = (await loadRuntime()).env;
  return {
    device: { name, detail },
    versions: {
      lsg: packageInfo().version,
      node: process.versions.node,
      onnxruntime: versions.node ?? versions.common,
    },
    machine: {
      cpu: cpus()[0]?.model.trim() || process.arch,
      cores: availableParallelism(),
      memory_bytes: totalmem(),
    },
  };
}

/** Bytes that a new process can have. macOS counts as free only what it has no use for at all. */
export function freeMemory(): number {
  return process.platform === "darwin" ? totalmem() : process.availableMemory();
}
