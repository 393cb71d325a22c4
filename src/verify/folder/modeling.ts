import { notYetWritten } from "../../architectures/earlier-modeling.js";
import { type ModelingCode, modelingCode, sha256 } from "../../architectures/modeling.js";
import { autoMap, codeOf, type LocalVariant } from "../../attention/variants.js";
import { packageInfo } from "../../base/package.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import type { Model } from "../../model/model.js";
import { counted } from "../../report/numbers.js";
import { judge, type Outcome } from "../check.js";
import { foreignCode } from "./foreign-code.js";
import { describeDifference, jsonDifferences } from "./json-differences.js";

/** What is known of a folder when its code is looked at. */
export interface ModelingSubject {
  readonly source: FileSource;
  readonly model: Model;
  readonly variant: LocalVariant;
  /** lsg's, as the folder's record has it; undefined for a folder without a record: one that was trained further. */
  readonly version: string | undefined;
  readonly hasRecord: boolean;
  /** Whether every file was compared with what the original makes of it. */
  readonly isCompared: boolean;
}

export interface ModelingFindings {
  readonly outcome: Outcome;
  /** The Python files that were proven, as they were read; undefined where Python is not to open the folder. */
  readonly files: ReadonlyMap<string, Buffer> | undefined;
}

/**
 * Proves byte for byte the Python code that transformers would run, and entry for entry what config.json has it run: what
 * stands before `--` in an entry is another repository, or a folder of the current directory.
 */
export async function checkModeling(subject: ModelingSubject): Promise<ModelingFindings> {
  const { source, model, variant, hasRecord, isCompared } = subject;
  const version = subject.version ?? packageInfo().version;
  const classes = codeOf(variant);
  const code = classes ? modelingCode(model.architecture, classes, version) : NO_CODE;
  const files = new Map<string, Buffer>();
  const findings: string[] = [];
  for (const [path, hash] of code.files) {
    const content = source.files.has(path) ? await source.read(path) : undefined;
    if (!content) findings.push(`${path} is missing`);
    else if (sha256(content) === hash) files.set(path, content);
    else findings.push(`${path} is not the file that comes with lsg ${version}`);
  }
  findings.push(...autoMapFindings(subject), ...refusalFindings(model, code.refusal));
  // Where there is an original, what is its own is not a finding, and what is not stands among the differences from the plan.
  const foreign = isCompared ? [] : await foreignCode(source);
  const all = [...findings, ...foreign];
  if (all.length > 0 && !hasRecord) return { outcome: notRun(all), files: undefined };
  const outcome = judge(
    all,
    classes ? `${counted(files.size, "file")}, byte for byte` : "transformers' own",
    `${counted(all.length, "fault")} in the modelling code`,
    findings.length > 0
      ? "Convert the original again."
      : "Name the original, --against FOLDER_OR_HUB_MODEL: what it has too is no finding.",
  );
  return { outcome, files: all.length === 0 ? files : undefined };
}

const NO_CODE: ModelingCode = { files: new Map(), refusal: {} };

/** Compares `auto_map` entry by entry. A Trainer may leave out entries of classes that it has not opened. */
function autoMapFindings({ model, variant, version, hasRecord }: ModelingSubject): string[] {
  const { auto_map: found } = model.config;
  const expected = autoMap(variant, model.architecture);
  if (expected && found === undefined) {
    return ["config.json has no auto_map: transformers would not open the LSG classes"];
  }
  const leftOut = (hasRecord && notYetWritten(version)?.config) || [];
  return jsonDifferences(expected, found, "auto_map")
    .filter(({ path, found: value }) => !(value === undefined && (leftOut.includes(path) || !hasRecord)))
    .map((difference) => `config.json: ${describeDifference(difference)}`);
}

function refusalFindings({ config }: Model, refusal: ModelingCode["refusal"]): string[] {
  return Object.entries(refusal)
    .filter(([key, value]) => config[key] !== value)
    .map(
      ([key, value]) =>
        `config.json: ${key} is ${JSON.stringify(config[key]) ?? "missing"}, expected ${JSON.stringify(value)}: without ` +
        "trust_remote_code=True transformers would open the folder with full attention, in silence",
    );
}

/** For a folder that was trained further: other tools write other names, and nothing says which are right. */
function notRun(findings: readonly string[]): Outcome {
  return {
    verdict: "skipped",
    detail: `NOT COVERED: code that does not come with lsg is not run: ${findings[0]}`,
    findings,
    remedy: "To have it compared, put the Python file and auto_map that lsg convert writes in its place.",
  };
}
