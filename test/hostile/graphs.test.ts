import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { EVERY_VARIANT, variants } from "../support/variants.js";
import { editGraph } from "../verify/damage.js";
import { checksOf, convertedSmallBert } from "../verify/support.js";
import { HOSTILE_NODES, poison } from "./graphs.js";

const GRAPH = "onnx/model.onnx";
const { source, copy } = convertedSmallBert({}, { onnx: true });
afterEach(() => {
  vi.unstubAllEnvs();
});

/** What the checks of graphs say of a folder, and the ids of those that came behind them. */
async function graphChecks(damage: (folder: string) => void) {
  vi.stubEnv("LSG_LIMIT_SECONDS", "2");
  vi.stubEnv("LSG_LIMIT_GIB", "0.7");
  const folder = await copy();
  damage(folder);
  const checks = await checksOf(folder, { against: source, lengths: [5] }, "outputs");
  return Object.fromEntries(checks.map((check) => [check.id, check]));
}

type Attack = [attack: keyof typeof HOSTILE_NODES, says: RegExp];

const LIMIT = /\d (?:seconds|GiB of memory), which is the limit$/;
/** Of a runtime that sees what it is asked for. */
const REFUSED = /Failed to allocate memory|which is the limit$/;

describe("a graph that does not come to an end is a finding, and the checks go on", () => {
  test.each<Attack>([
    ...variants<Attack>([
      ["a loop without an end", LIMIT],
      ["loops in loops", LIMIT],
      ["a loop in a branch", LIMIT],
    ]),
    ...variants<Attack>([
      ["a terabyte at once", REFUSED],
      ["a scan over billions", REFUSED],
    ]),
    ["gigabytes, one after the other", LIMIT],
  ])("%s", async (attack, says) => {
    const found = await graphChecks(editGraph(GRAPH, (model) => poison(model, HOSTILE_NODES[attack]())));
    expect(found.graph?.verdict).toBe("fail");
    expect(found.graph?.detail).toMatch(says);
    if (says === LIMIT) expect(found.graph?.remedy).toMatch(/^If you trust it, raise the limit: LSG_LIMIT_/);
    expect(found).toMatchObject({ sweep: { verdict: "pass" }, transformers: { verdict: "skipped" } });
  });

  test.runIf(EVERY_VARIANT)("in the attention op itself", async () => {
    const found = await graphChecks(
      editGraph(GRAPH, (model) => {
        for (const one of model.functions) poison(one, HOSTILE_NODES["a loop without an end"]());
      }),
    );
    expect(found["graph-op"]).toMatchObject({ verdict: "fail", detail: expect.stringMatching(LIMIT) });
    expect(found.graph).toMatchObject({ verdict: "fail", detail: expect.stringMatching(LIMIT) });
  });

  test("with a million fields", async () => {
    const found = await graphChecks((folder) =>
      // Two bytes each: a number in a field that nobody knows.
      appendFileSync(join(folder, GRAPH), Buffer.alloc(2_000_000, Buffer.from([0x78, 0x01]))),
    );
    expect(found["graph-op"]).toMatchObject({ verdict: "fail" });
    expect(found["graph-op"]?.detail).toMatch(/is no ONNX graph: it has more than \d+ fields/);
  });
});
