import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

/** Programs of ours that another one of ours reads, and where JSON is printed, which escapes for itself. */
const OTHER_DOORS = [
  "bench/program.ts",
  "cli/main.ts",
  "runtime/probe-device.ts",
  "verify/model/cost-program.ts",
];

test("what is shown to people goes through tell()", () => {
  const direct = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
    (file) =>
      file.endsWith(".ts") &&
      /\bstd(out|err)\.write\(|\bconsole\.|\bprocess\.emitWarning/.test(
        readFileSync(join(SRC, file), "utf8"),
      ),
  );
  expect(direct.sort()).toEqual(OTHER_DOORS);
});
