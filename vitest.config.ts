import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { PATIENCE } from "./test/support/patience.js";

export default defineConfig(({ mode }) => ({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/parity/**", "test/gpu/**"],
    setupFiles: ["test/support/leaves-nothing.ts"],
    testTimeout: PATIENCE,
    hookTimeout: PATIENCE,
    // One more than there are cores: a test mostly waits for a process, for a disk or for time to pass.
    maxWorkers: availableParallelism() + 1,
    // Loading every module again for each file takes a seventh of the time.
    isolate: false,
    env: {
      // Whether Python is at hand must not change what the tests see.
      LSG_PYTHON: "",
      LSG_TEST_VARIANTS: mode === "all" ? "all" : "",
    },
  },
}));
