import { type ExecFileException, execFile } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DEVICES, Device } from "../base/device-names.js";
import { DeviceError } from "../base/errors.js";
import { ownProgram } from "../base/package.js";
import { isSoftwareVulkan } from "./device-requirements.js";
import { nvidiaModels, thisMachine } from "./machine.js";
import type { ProbeResult } from "./probe-device.js";
import { loadRuntime, type Runtime } from "./runtime.js";

export interface DeviceFinding {
  readonly name: Device;
  /** A graph was run on it. */
  readonly available: boolean;
  /** It computes on the CPU: right, but nothing that `auto` would take. */
  readonly software: boolean;
  readonly detail: string;
  /** What it needs and this machine lacks, a few words each. */
  readonly missing?: readonly string[];
  readonly remedy?: string;
}

/** The names of ONNX Runtime's execution providers in its profiles. */
export const EXECUTION_PROVIDERS: Readonly<Record<Device, string>> = {
  cpu: "CPUExecutionProvider",
  webgpu: "WebGpuExecutionProvider",
  cuda: "CUDAExecutionProvider",
  coreml: "CoreMLExecutionProvider",
  dml: "DmlExecutionProvider",
};

/** Best first. CoreML comes last since it may compute in half precision and knows few operators. */
const ACCELERATORS = ["cuda", "webgpu", "dml", "coreml"] as const satisfies readonly Device[];
type Accelerator = (typeof ACCELERATORS)[number];

const OTHER_DEVICE = "lsg verify --list-devices shows what there is";

/** A driver that takes longer to add four numbers hangs. CUDA's takes seconds to start. */
const MAX_PROBE_MS = 60_000;

/** Where onnxruntime-node has a provider that it does not have everywhere. */
const ONLY_ON: Readonly<Partial<Record<Device, string>>> = {
  cuda: "Linux on x64",
  coreml: "macOS",
  dml: "Windows",
};

/**
 * Every device, best first: those that run on hardware, those that only pretend to, those that are absent.
 * @throws DeviceError if the runtime is not installed
 */
export async function listDevices(): Promise<DeviceFinding[]> {
  const runtime = await loadRuntime();
  const accelerators = await Promise.all(ACCELERATORS.map((name) => findAccelerator(name, runtime)));
  const rank = ({ available, software }: DeviceFinding) => (available ? Number(software) : 2);
  return [...accelerators, cpu()].sort((a, b) => rank(a) - rank(b));
}

/**
 * The device to run on: the best that is really there for `auto`, else the one asked for.
 * @throws DeviceError if it is absent, or the runtime is not installed
 */
export async function chooseDevice(asked: (typeof DEVICES)[number]): Promise<DeviceFinding> {
  if (asked === "cpu") return cpu();
  const runtime = await loadRuntime();
  if (asked !== "auto") {
    const finding = await findAccelerator(asked, runtime);
    if (finding.available) return finding;
    throw new DeviceError(`--device ${asked}: ${finding.detail}`, finding.remedy ?? OTHER_DEVICE);
  }
  for (const name of ACCELERATORS) {
    const finding = await findAccelerator(name, runtime);
    if (finding.available && !finding.software) return finding;
  }
  return cpu();
}

function cpu(): DeviceFinding {
  const cores = availableParallelism();
  const detail = [`${cores} ${cores === 1 ? "core" : "cores"}`, cpus()[0]?.model.trim()].filter(Boolean);
  return { name: "cpu", available: true, software: false, detail: detail.join(", ") };
}

async function findAccelerator(name: Accelerator, runtime: Runtime): Promise<DeviceFinding> {
  const absent = { name, available: false, software: false };
  if (!runtime.listSupportedBackends().some((backend) => backend.name === name)) {
    return { ...absent, detail: `onnxruntime-node has it on ${ONLY_ON[name] ?? "other systems"} only` };
  }
  const result = await probe(name);
  if ("error" in result) {
    if (result.missing.length === 0) return { ...absent, detail: result.error };
    const missing = result.missing.map(({ what }) => what);
    const remedy = [...new Set(result.missing.map((shortcoming) => shortcoming.remedy))].join("; ");
    return { ...absent, detail: `it needs ${missing.join(", ")}`, missing, remedy };
  }
  if (!result.shares.some(({ provider }) => provider === EXECUTION_PROVIDERS[name])) {
    return { ...absent, detail: "it opens, but leaves an addition to the CPU" };
  }
  const software = name === "webgpu" && isSoftwareVulkan(thisMachine());
  return { name, available: true, software, detail: describe(name, software) };
}

function describe(name: Accelerator, software: boolean): string {
  switch (name) {
    case "cuda":
      return nvidiaModels().join(", ") || "an NVIDIA GPU";
    case "webgpu":
      if (software) return "a software driver for Vulkan, on the CPU";
      if (process.platform === "linux") return "a GPU through Vulkan";
      return process.platform === "darwin" ? "a GPU through Metal" : "a GPU through Direct3D 12";
    case "coreml":
      return "Apple's Core ML";
    case "dml":
      return "a GPU through DirectML";
  }
}

/**
 * Runs an addition on a device, in a process of its own.
 * @param program what to run; other than the usual one in tests
 */
export async function probe(
  device: Device,
  program: URL = ownProgram("runtime/probe-device"),
): Promise<ProbeResult> {
  const run = promisify(execFile);
  try {
    const { stdout, stderr } = await run(process.execPath, [fileURLToPath(program), device], {
      timeout: MAX_PROBE_MS,
      killSignal: "SIGKILL",
    });
    const result = JSON.parse(stdout) as ProbeResult;
    // Which library a provider could not load stands in the runtime's log, not in its error.
    const reason = / with error: (.+)$/m.exec(stderr)?.[1];
    return "error" in result && reason ? { ...result, error: reason } : result;
  } catch (error) {
    return { error: whyNoAnswer(error), missing: [] };
  }
}

/** What became of a child process that did not answer. */
function whyNoAnswer(error: unknown): string {
  const { signal, killed, message } = error as ExecFileException;
  if (killed) return `its driver did not answer within ${MAX_PROBE_MS / 1000} seconds`;
  if (signal) return `its driver ended the process with ${signal}`;
  return `it could not be tried: ${/^\w*Error.*$/m.exec(message)?.[0] ?? message}`;
}
