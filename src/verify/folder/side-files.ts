import { posix } from "node:path";
import { notYetWritten } from "../../architectures/earlier-modeling.js";
import { CheckpointError } from "../../base/errors.js";
import { GRAPH_DTYPES } from "../../base/graph-dtypes.js";
import { type Config, parseObject } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { allGraphFiles } from "../../checkpoint/graph-files.js";
import { isNeverOpened } from "../../checkpoint/left-out.js";
import { editTopLevel, isRecord } from "../../json/json-edit.js";
import type { ReadSource } from "../../model/open.js";
import { graphHints } from "../../onnx/graph-hints.js";
import { inFormatOf, RECORD_FILE } from "../../plan/conversion-record.js";
import { HARMLESS, isRead } from "../../plan/side-files.js";
import type { ConversionPlan, SideFile } from "../../plan/types.js";
import { counted } from "../../report/numbers.js";
import { plannedContent } from "../../write/side-files.js";
import { judge, type Outcome } from "../check.js";
import { describeDifference, jsonFileDifferences } from "./json-differences.js";

/** Users may edit it: it does not affect outputs. */
const MODEL_CARD = "README.md";

/** Compares tokenizer and every other small file with the plan. JSON counts by its values, not its layout. */
export async function checkSideFiles(
  source: FileSource,
  plan: ConversionPlan,
  readOriginal: ReadSource,
): Promise<Outcome> {
  const leftOut = notYetWritten(plan.record.lsg_version)?.files;
  const planned = plan.sideFiles.filter(
    ({ path, kind }) =>
      path !== MODEL_CARD && kind !== "modeling" && !(leftOut?.test(path) && !source.files.has(path)),
  );
  const findings: string[] = [];
  for (const file of planned) {
    const content = await plannedContent(file, readOriginal);
    for (const difference of await differences(source, file, content)) findings.push(difference);
  }
  for (const path of unplanned(source, plan)) {
    // Earlier versions copied some of what is left out today.
    const isLeftOut = plan.omitted.some((file) => file.path === path && isNeverOpened(file));
    if (isLeftOut && (await isOriginals(source, path, readOriginal))) continue;
    findings.push(`${path} is not planned: it may be loaded, and nothing is known of it`);
  }
  return judge(
    findings,
    `${planned.length} files as planned`,
    `${counted(findings.length, "difference")} from the plan in tokenizer and other small files`,
    "Convert the original again, or restore the files that are named.",
  );
}

async function differences(source: FileSource, { path }: SideFile, planned: Buffer): Promise<string[]> {
  if (!source.files.has(path)) return HARMLESS.test(path) ? [] : [`${path} is missing`];
  const found = await source.read(path);
  const expected = path === RECORD_FILE ? inFormatOf(found, planned) : planned;
  if (found.equals(expected)) return [];
  if (posix.extname(path) === ".json") {
    return jsonFileDifferences(expected, found, path).map(
      (difference) => `${path}: ${describeDifference(difference)}`,
    );
  }
  const at = planned.findIndex((byte, i) => byte !== found[i]);
  return [
    `${path}: ${found.length} bytes that differ from byte ${at < 0 ? planned.length : at} on, expected ${planned.length} bytes`,
  ];
}

/** Whether a file is the original's of that name, byte for byte. One too large to be read whole is not looked at. */
async function isOriginals(source: FileSource, path: string, readOriginal: ReadSource): Promise<boolean> {
  try {
    return (await source.read(path)).equals(await readOriginal(path));
  } catch (error) {
    if (error instanceof CheckpointError) return false;
    throw error;
  }
}

/** Files that no plan put there and that loaders may read: they look for adapters, other graphs, prompts and more. */
function unplanned(source: FileSource, plan: ConversionPlan): string[] {
  const planned = new Set([
    plan.config.path,
    ...plan.sideFiles.map(({ path }) => path),
    ...plan.shards.map(({ file }) => file),
    ...allGraphFiles(source, plan.generates),
  ]);
  return [...source.files.keys()].filter((path) => !planned.has(path) && isRead(path));
}

const HINTS = "transformers.js_config";

/** An export's hints stay when its graph is removed: they are accepted where they are an export's. */
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
