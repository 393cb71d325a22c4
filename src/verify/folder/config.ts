import { parseObject } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { graphFiles } from "../../onnx/graph-files.js";
import { graphHints } from "../../onnx/graph-hints.js";
import type { ConversionPlan } from "../../plan/types.js";
import { configContent, type ReadSource } from "../../write/side-files.js";
import { judge, type Outcome } from "../attempt.js";
import { describeDifference, jsonDifferences } from "./json-differences.js";

/** Compares config.json, key by key, with what the plan makes of the original's. */
export async function checkConfig(
  source: FileSource,
  plan: ConversionPlan,
  readOriginal: ReadSource,
): Promise<Outcome> {
  const planned = parseObject(await configContent(plan, readOriginal), "config.json");
  const graphs = graphFiles(source);
  const hints = graphs.length > 0 ? { "transformers.js_config": graphHints(planned, graphs) } : {};
  const found = parseObject(await source.read("config.json"), "config.json");
  const differences = jsonDifferences({ ...planned, ...hints }, found);
  return judge(
    differences.map((difference) => `config.json: ${describeDifference(difference)}`),
    `${Object.keys(found).length} keys as planned`,
    `${differences.length} of ${Object.keys({ ...planned, ...found }).length} keys are not as planned`,
    "Convert the original again; settings are changed with options, not in the result.",
  );
}
