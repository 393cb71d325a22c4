import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chooseDevice, listDevices } from "../../src/runtime/devices.js";

describe("with a software driver for Vulkan", () => {
  it("finds WebGPU, says that it is software, and ranks it behind the CPU", async () => {
    const devices = await listDevices();
    expect(devices).toContainEqual({
      name: "webgpu",
      available: true,
      software: true,
      detail: "a software driver for Vulkan, on the CPU",
    });
    const names = devices.map(({ name }) => name);
    expect(names.indexOf("webgpu")).toBeGreaterThan(names.indexOf("cpu"));
  });

  it("takes it when asked to", async () => {
    expect(await chooseDevice("webgpu")).toMatchObject({ name: "webgpu", software: true });
  });

  it("does not take it for auto", async () => {
    expect(await chooseDevice("auto")).not.toMatchObject({ software: true });
  });

  it.skipIf(existsSync("/dev/nvidiactl"))("does not take it for a device that is absent", async () => {
    await expect(chooseDevice("cuda")).rejects.toMatchObject({
      name: "DeviceError",
      exitCode: 2,
      message: expect.stringContaining(
        "--device cuda: it needs an NVIDIA GPU (/dev/nvidiactl), libcuda.so.1",
      ),
      remedy: expect.stringContaining("ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node"),
    });
  });
});
