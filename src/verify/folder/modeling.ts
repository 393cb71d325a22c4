import { type ModelingCode, modelingModule, sha256 } from "../../architectures/modeling.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { isRecord } from "../../json/json-edit.js";
import type { Model } from "../../model/model.js";
import { counted } from "../../report/words.js";
import { judge, type Outcome } from "../attempt.js";

/**
 * Looks whether the Python code that transformers will run is there, is ours, and is what config.json names.
 * @param version of lsg, which that code came with
 */
export async function checkModeling(
  source: FileSource,
  { config, architecture }: Model,
  { files, refusal }: ModelingCode,
  version: string,
): Promise<Outcome> {
  const findings: string[] = [];
  for (const [path, hash] of files) {
    if (!source.files.has(path)) findings.push(`${path} is missing`);
    else if (sha256(await source.read(path)) !== hash) {
      findings.push(`${path} is not the file that comes with lsg ${version}`);
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
  for (const [key, value] of Object.entries(refusal)) {
    if (config[key] === value) continue;
    findings.push(
      `config.json: ${key} is ${JSON.stringify(config[key]) ?? "missing"}, expected ${JSON.stringify(value)}: without ` +
        "trust_remote_code=True transformers would open the folder with full attention, in silence",
    );
  }
  return judge(
    findings,
    `${counted(files.size, "file")}, byte for byte`,
    `${counted(findings.length, "fault")} in the modelling code`,
    "Convert the original again.",
  );
}
