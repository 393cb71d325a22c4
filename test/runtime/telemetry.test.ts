import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/fixtures.js";

/** Opens a graph with ONNX Runtime, runs it, and ends. */
const PROGRAM = fileURLToPath(new URL("../../dist/src/runtime/probe-device.js", import.meta.url));

test("ONNX Runtime notes nothing of what it runs, neither for its makers nor beside it", async () => {
  const folder = await temporaryFolder();
  const [home, temporary] = ["home", "tmp"].map((name) => join(folder, name)) as [string, string];
  for (const place of [home, temporary]) mkdirSync(place);
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...environment } = process.env;
  const answer = execFileSync(process.execPath, [PROGRAM, "cpu"], {
    env: { ...environment, HOME: home, TMPDIR: temporary, TEMP: temporary, LOCALAPPDATA: home },
    encoding: "utf8",
  });
  expect(JSON.parse(answer).shares).toHaveLength(1);
  expect([...readdirSync(home), ...readdirSync(temporary)]).toEqual([]);
});
