import { readFile } from "node:fs/promises";
import type { Architecture } from "../../architectures/architecture.js";
import { modelingFiles, modelingModule } from "../../architectures/modeling.js";
import { MODELING_FOLDER } from "../../base/package.js";
import type { Config } from "../../checkpoint/checkpoint.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { isRecord } from "../../json/json-edit.js";
import { counted } from "../../report/words.js";
import { judge, type Outcome } from "../attempt.js";

/** Looks whether the Python code that transformers will run is there, is ours, and is what config.json names. */
export async function checkModeling(
  source: FileSource,
  config: Config,
  architecture: Architecture,
): Promise<Outcome> {
  const files = modelingFiles(architecture);
  const findings: string[] = [];
  for (const path of files) {
    if (!source.files.has(path)) findings.push(`${path} is missing`);
    else if (!(await source.read(path)).equals(await readFile(new URL(path, MODELING_FOLDER)))) {
      findings.push(`${path} is not the file that comes with this version of lsg`);
    }
  }
  const module = modelingModule(architecture);
  const classes = Object.values(isRecord(config.auto_map) ? config.auto_map : {});
  if (classes.length === 0)
    findings.push("config.json has no auto_map: transformers would not open the LSG classes");
  for (const name of classes) {
    if (typeof name === "string" && name.startsWith(`${module}.`)) continue;
    findings.push(`config.json: auto_map names ${JSON.stringify(name)}, expected a class of ${module}.py`);
  }
  return judge(
    findings,
    `${files.length} files, byte for byte`,
    `${counted(findings.length, "fault")} in the modelling code`,
    "Convert the original again.",
  );
}
