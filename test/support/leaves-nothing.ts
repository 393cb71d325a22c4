import { afterAll, beforeAll, expect, vi } from "vitest";

// All files share one process for speed: what a file patches must not reach the next.
let before: ReturnType<typeof globals>;
beforeAll(() => {
  before = globals();
});
afterAll(() => {
  expect(globals(), "what this file patched and did not undo").toEqual(before);
});

/** What loading ONNX Runtime sets once for the whole process: `src/runtime/runtime.ts`. */
const OF_THE_RUNTIME = new Set(["XDG_RUNTIME_DIR", "NVIDIA_TF32_OVERRIDE", "ORT_DISABLE_TELEMETRY"]);

/** What tests patch: the environment, the clock, functions of all, listeners of the process. */
function globals() {
  return {
    environment: Object.fromEntries(Object.entries(process.env).filter(([key]) => !OF_THE_RUNTIME.has(key))),
    directory: process.cwd(),
    fakeTimers: vi.isFakeTimers(),
    functions: [fetch, setTimeout, process.kill, process.stdout.write, process.stderr.write, console.log],
    // Vitest's own come and go.
    signals: ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => process.listenerCount(signal)),
  };
}
