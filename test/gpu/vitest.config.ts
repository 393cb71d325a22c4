import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/gpu/*.test.ts"], testTimeout: 60_000, env: { LSG_PYTHON: "" } },
});
