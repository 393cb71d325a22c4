import { expect, it } from "vitest";
import { DeviceError } from "../../src/base/errors.js";
import { loadRuntime, type Runtime } from "../../src/runtime/runtime.js";

async function errorOf(load: () => Promise<Runtime>): Promise<DeviceError> {
  const error: unknown = await loadRuntime(load).catch((thrown: unknown) => thrown);
  if (!(error instanceof DeviceError)) throw new Error("no DeviceError was thrown", { cause: error });
  return error;
}

it("says how to get the runtime where it is not installed", async () => {
  const error = await errorOf(() => import("onnxruntime-node-that-is-not-installed" as string));
  expect(error.message).toBe("onnxruntime-node, which runs the graphs, is not installed");
  expect(error.remedy).toContain("npm install onnxruntime-node");
  expect(error.remedy).toContain("ONNXRUNTIME_NODE_INSTALL=skip");
  expect(error.exitCode).toBe(2);
});

it("says why the runtime does not load where it is installed", async () => {
  const error = await errorOf(async () => {
    throw Object.assign(new Error("libc.so.6: version `GLIBC_2.34' not found\n    at …"), {
      code: "ERR_DLOPEN_FAILED",
    });
  });
  expect(error.message).toBe(
    `onnxruntime-node does not load on ${process.platform} ${process.arch}: libc.so.6: version \`GLIBC_2.34' not found`,
  );
});
