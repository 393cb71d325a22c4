import { readFileSync } from "node:fs";
import { defineConfig } from "rolldown";

/** What every verb loads: bundled, so that their licences are too. */
const BUNDLED = ["commander", "yaml", "zod"];

/**
 * One file for each verb: Node takes most of a millisecond for every module, and a conversion has 250 of them, which is
 * two thirds as long as copying a base model. Lazy imports stay lazy, other packages stay where they are.
 */
export default defineConfig({
  input: {
    cli: "dist/src/cli/main.js",
    "batch-job": "dist/src/commands/batch-job.js",
    "graph-program": "dist/src/runtime/graph-program.js",
    "tokenizer-program": "dist/src/runtime/tokenizer-program.js",
  },
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !BUNDLED.some((name) => id === name || id.startsWith(`${name}/`)),
  output: { dir: "dist/lsg", cleanDir: true, chunkFileNames: "[name].js" },
  plugins: [
    {
      name: "licences",
      generateBundle() {
        const texts = BUNDLED.map(
          (name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8")}`,
        );
        this.emitFile({ type: "asset", fileName: "LICENSES.txt", source: texts.join("\n\n") });
      },
    },
  ],
});
