import { join } from "node:path";
import type { Device } from "../base/device-names.js";
import type { Machine } from "./machine.js";

/** Something that a device needs and that is not there. */
export interface Shortcoming {
  readonly what: string;
  readonly remedy: string;
}

interface Requirement extends Shortcoming {
  readonly isMet: boolean;
}

const SWIFTSHADER =
  "without a GPU: apt-get install chromium libvulkan1, then " +
  "VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json (docs/devices.md)";
const CUDA_LIBRARIES =
  "install CUDA 12 and cuDNN 9 and name their folders in LD_LIBRARY_PATH (docs/devices.md)";

/** NVIDIA's own device nodes, and the one of a GPU that Windows passes on to Linux. */
const NVIDIA_NODES = ["/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg"];
const VULKAN_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/**
 * What `device` needs and this machine lacks, of what can be looked for: Metal and Direct3D 12 come with their
 * systems. Nothing missing does not mean that the device works: only running a graph on it shows that.
 */
export function missingFor(device: Device, machine: Machine): Shortcoming[] {
  return requirementsOf(device, machine)
    .filter(({ isMet }) => !isMet)
    .map(({ what, remedy }) => ({ what, remedy }));
}

function requirementsOf(device: Device, machine: Machine): Requirement[] {
  if (machine.platform !== "linux") return [];
  if (device === "cuda") return cuda(machine);
  return device === "webgpu" ? vulkan(machine) : [];
}

/** Whether Vulkan computes on the CPU: only such drivers are named, or there is no GPU. */
export function isSoftwareVulkan(machine: Machine): boolean {
  if (machine.platform !== "linux") return false;
  const drivers = namedDrivers(machine);
  return drivers.length > 0
    ? drivers.every((file) => /swiftshader|lvp|lavapipe|llvmpipe/i.test(file))
    : !hasGpu(machine);
}

/** The libraries that the provider of onnxruntime-node 1.30 opens; its only CUDA build is for CUDA 12. */
function cuda({ exists, loads, runtimeFolder }: Machine): Requirement[] {
  const libraries = [
    "libcudart.so.12",
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libcurand.so.10",
    "libcudnn.so.9",
  ];
  return [
    {
      what: "an NVIDIA GPU (/dev/nvidiactl)",
      remedy: "in a container: start it with its GPU (docker run --gpus all)",
      isMet: NVIDIA_NODES.some(exists),
    },
    { what: "libcuda.so.1", remedy: "install NVIDIA's driver", isMet: loads("libcuda.so.1") },
    {
      what: "libonnxruntime_providers_cuda.so (a download of onnxruntime-node's)",
      remedy: "ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node",
      isMet: exists(join(runtimeFolder, "libonnxruntime_providers_cuda.so")),
    },
    ...libraries.map((what) => ({
      what,
      remedy: CUDA_LIBRARIES,
      isMet: loads(what) || exists(join(runtimeFolder, what)),
    })),
  ];
}

function vulkan(machine: Machine): Requirement[] {
  const loader = {
    what: "libvulkan.so.1",
    remedy: "apt-get install libvulkan1",
    isMet: machine.loads("libvulkan.so.1"),
  };
  const drivers = namedDrivers(machine);
  if (drivers.length > 0) {
    const remedy = "name a file that is there in VK_DRIVER_FILES";
    return [loader, ...drivers.map((what) => ({ what, remedy, isMet: machine.exists(what) }))];
  }
  return [
    loader,
    { what: "a GPU (/dev/dri/renderD*)", remedy: SWIFTSHADER, isMet: hasGpu(machine) },
    {
      what: "a Vulkan driver (/usr/share/vulkan/icd.d/*.json)",
      remedy: "install the GPU's: NVIDIA's own, or apt-get install mesa-vulkan-drivers",
      isMet: VULKAN_FOLDERS.some((folder) => machine.names(folder).length > 0),
    },
  ];
}

function hasGpu({ names, exists }: Machine): boolean {
  return names("/dev/dri").some((name) => name.startsWith("renderD")) || NVIDIA_NODES.some(exists);
}

/** Drivers that Vulkan's loader is told to use instead of those it finds; the older variable gives way. */
function namedDrivers({ environment }: Machine): string[] {
  const named = environment.VK_DRIVER_FILES || environment.VK_ICD_FILENAMES || "";
  return named.split(":").filter((file) => file !== "");
}
