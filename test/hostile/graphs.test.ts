import { describe, expect, test, vi } from "vitest";
import { editGraph } from "../verify/damage.js";
import { checksOf, convertedSmallBert } from "../verify/support.js";
import { HOSTILE_NODES, poison } from "./graphs.js";

const GRAPH = "onnx/model.onnx";
const { source, copy } = convertedSmallBert({}, { onnx: true });

describe("a graph that does not come to an end", () => {
  test.each(Object.entries(HOSTILE_NODES))("%s", async (_, nodes) => {
    vi.stubEnv("LSG_LIMIT_SECONDS", "3");
    vi.stubEnv("LSG_LIMIT_GIB", "0.7");
    const folder = await copy();
    editGraph(GRAPH, (model) => poison(model, nodes()))(folder);
    const begin = Date.now();
    const checks = await checksOf(folder, { against: source }, "outputs");
    console.log(
      Date.now() - begin,
      JSON.stringify(
        checks.filter((c) => c.id.startsWith("graph")),
        null,
        1,
      ),
    );
    expect(checks.find(({ id }) => id === "graph")?.verdict).toBe("fail");
    vi.unstubAllEnvs();
  });
});
