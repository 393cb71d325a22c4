import { notYetWritten } from "../../architectures/earlier-modeling.js";
import { GRAPH_DTYPES } from "../../base/graph-dtypes.js";
import { type Config, parseObject } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { allGraphFiles } from "../../checkpoint/graph-files.js";
import { editTopLevel, isRecord } from "../../json/json-edit.js";
import type { ReadSource } from "../../model/open.js";
import { graphHints } from "../../onnx/graph-hints.js";
import type { ConversionPlan } from "../../plan/types.js";
import { counted } from "../../report/words.js";
import { plannedContent } from "../../write/side-files.js";
import { judge, type Outcome } from "../attempt.js";
import { describeDifference, jsonFileDifferences } from "./json-differences.js";

const HINTS = "transformers.js_config";

/** An export leaves its hints behind when its graph is removed: they harm nobody, as far as they are an export's. */
function leftHints(planned: Config, found: Buffer): unknown {
  const { [HINTS]: left } = parseObject(found, "config.json");
  const { dtype } = isRecord(left) ? left : {};
  const isExports = dtype === undefined || GRAPH_DTYPES.some((known) => known === dtype);
  const apart = (hints: unknown) => JSON.stringify(graphHints({ [HINTS]: hints }, []));
  return isExports && apart(left) === apart(planned[HINTS]) ? left : planned[HINTS];
}

/** Compares config.json, key by key, with what the plan makes of the original's. */
export async function checkConfig(
  source: FileSource,
  plan: ConversionPlan,
  readOriginal: ReadSource,
): Promise<Outcome> {
  const content = await plannedContent(plan.config, readOriginal);
  const keys = parseObject(content, "config.json");
  const found = await source.read("config.json");
  const exported = allGraphFiles(source, plan.generates);
  const hinted = exported.length > 0 ? graphHints(keys, exported) : leftHints(keys, found);
  const hints = hinted === undefined ? [] : [[HINTS, hinted] as const];
  const planned = editTopLevel(content, new Map(hints));
  const leftOut = notYetWritten(plan.record.lsg_version)?.config ?? [];
  const differences = jsonFileDifferences(planned, found, "config.json").filter(
    ({ path, found: value }) => !(value === undefined && leftOut.includes(path)),
  );
  return judge(
    differences.map((difference) => `config.json: ${describeDifference(difference)}`),
    `${Object.keys(keys).length + hints.length} keys as planned`,
    `${counted(differences.length, "difference")} from the plan in ${Object.keys(keys).length + hints.length} keys`,
    "Convert the original again; settings are changed with options, not in the result.",
  );
}
