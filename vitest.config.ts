import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/**/*.test.ts"], exclude: ["test/parity/**", "test/gpu/**"], testTimeout: 20_000 },
});
