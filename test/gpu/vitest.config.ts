import { defineConfig } from "vitest/config";
import { PATIENCE } from "../support/patience.js";

export default defineConfig({
  test: { include: ["test/gpu/*.test.ts"], testTimeout: PATIENCE, env: { LSG_PYTHON: "" } },
});
