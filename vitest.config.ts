import { defineConfig } from "vitest/config";
import { PATIENCE } from "./test/support/patience.js";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/parity/**", "test/gpu/**"],
    setupFiles: ["test/support/leaves-nothing.ts"],
    testTimeout: PATIENCE,
    hookTimeout: PATIENCE,
    // One core would idle while another test waits for a process.
    maxWorkers: "100%",
    // Loading every module again for each file takes a seventh of the time.
    isolate: false,
    // Whether Python is at hand must not change what the tests see.
    env: { LSG_PYTHON: "" },
  },
});
