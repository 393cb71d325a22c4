import { describe, expect, it } from "vitest";
import { isSoftwareVulkan, missingFor } from "../../src/runtime/device-requirements.js";
import type { Machine } from "../../src/runtime/machine.js";

const SWIFTSHADER = "/opt/vk_swiftshader_icd.json";

interface Parts {
  readonly files?: readonly string[];
  readonly libraries?: readonly string[];
  readonly environment?: Machine["environment"];
  readonly platform?: NodeJS.Platform;
}

function machine({ files = [], libraries = [], environment = {}, platform = "linux" }: Parts): Machine {
  return {
    platform,
    environment,
    runtimeFolder: "/runtime",
    exists: (path) => files.includes(path),
    names: (folder) =>
      files.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.slice(folder.length + 1)),
    loads: (library) => libraries.includes(library),
  };
}

const GPU = {
  files: ["/dev/dri/renderD128", "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"],
  libraries: ["libvulkan.so.1"],
};
const CUDA = {
  files: ["/dev/nvidiactl", "/runtime/libonnxruntime_providers_cuda.so"],
  libraries: [
    "libcuda.so.1",
    "libcudart.so.12",
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libcurand.so.10",
    "libcudnn.so.9",
  ],
};

function missing(device: Parameters<typeof missingFor>[0], parts: Parts): string[] {
  return missingFor(device, machine(parts)).map(({ what }) => what);
}

describe("CUDA", () => {
  it("misses nothing where all is there", () => {
    expect(missing("cuda", CUDA)).toEqual([]);
  });

  it("names all that it needs", () => {
    expect(missing("cuda", {})).toEqual([
      "an NVIDIA GPU (/dev/nvidiactl)",
      "libcuda.so.1",
      "libonnxruntime_providers_cuda.so (a download of onnxruntime-node's)",
      "libcudart.so.12",
      "libcublas.so.12",
      "libcublasLt.so.12",
      "libcurand.so.10",
      "libcudnn.so.9",
    ]);
  });

  it.each(CUDA.libraries)("misses %s alone", (library) => {
    const libraries = CUDA.libraries.filter((name) => name !== library);
    expect(missing("cuda", { ...CUDA, libraries })).toEqual([library]);
  });

  it("takes a library that lies beside the provider", () => {
    const files = [...CUDA.files, "/runtime/libcudnn.so.9"];
    const libraries = CUDA.libraries.filter((name) => name !== "libcudnn.so.9");
    expect(missing("cuda", { files, libraries })).toEqual([]);
  });

  it("knows a GPU that Windows passes on", () => {
    const files = ["/dev/dxg", "/runtime/libonnxruntime_providers_cuda.so"];
    expect(missing("cuda", { ...CUDA, files })).toEqual([]);
  });
});

describe("WebGPU", () => {
  it("misses nothing with a GPU, its driver and Vulkan's loader", () => {
    expect(missing("webgpu", GPU)).toEqual([]);
  });

  it("misses a GPU where there is only a driver, and names SwiftShader as the remedy", () => {
    const [gpu, ...others] = missingFor("webgpu", machine({ ...GPU, files: GPU.files.slice(1) }));
    expect(others).toEqual([]);
    expect(gpu?.what).toBe("a GPU (/dev/dri/renderD*)");
    expect(gpu?.remedy).toContain("chromium");
  });

  it("misses a driver where there is only a GPU", () => {
    expect(missing("webgpu", { ...GPU, files: ["/dev/dri/renderD128"] })).toEqual([
      "a Vulkan driver (/usr/share/vulkan/icd.d/*.json)",
    ]);
  });

  it("does not take a display without a renderer for a GPU", () => {
    const files = ["/dev/dri/card0", ...GPU.files.slice(1)];
    expect(missing("webgpu", { ...GPU, files })).toEqual(["a GPU (/dev/dri/renderD*)"]);
  });

  it("needs neither with a driver that the environment names, but the file and the loader", () => {
    const environment = { VK_DRIVER_FILES: SWIFTSHADER };
    expect(missing("webgpu", { environment, files: [SWIFTSHADER] })).toEqual(["libvulkan.so.1"]);
    expect(missing("webgpu", { environment, libraries: GPU.libraries })).toEqual([SWIFTSHADER]);
  });

  it("misses nothing that we could look for on macOS and Windows", () => {
    expect(missing("webgpu", { platform: "darwin" })).toEqual([]);
    expect(missing("webgpu", { platform: "win32" })).toEqual([]);
  });
});

describe("Vulkan", () => {
  it.each<[string, Parts, boolean]>([
    ["with a GPU", GPU, false],
    ["without a GPU", {}, true],
    ["with SwiftShader named", { ...GPU, environment: { VK_DRIVER_FILES: SWIFTSHADER } }, true],
    [
      "with lavapipe named the old way",
      { ...GPU, environment: { VK_ICD_FILENAMES: "/x/lvp_icd.json" } },
      true,
    ],
    [
      "with SwiftShader and another driver named",
      { ...GPU, environment: { VK_DRIVER_FILES: `${SWIFTSHADER}:/x/nvidia_icd.json` } },
      false,
    ],
    [
      "with a driver named the new way and SwiftShader the old",
      {
        ...GPU,
        environment: { VK_DRIVER_FILES: "/x/nvidia_icd.json", VK_ICD_FILENAMES: SWIFTSHADER },
      },
      false,
    ],
    ["on macOS", { platform: "darwin" }, false],
  ])("%s: software %#", (_, parts, software) => {
    expect(isSoftwareVulkan(machine(parts))).toBe(software);
  });
});
