import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { hashFile } from "../checkpoint/hash-file.js";
import { isRecord } from "../json/json-edit.js";
import { RECORD_FILE, recordText, withoutProof } from "../plan/conversion-record.js";
import { isRead } from "../plan/side-files.js";
import type { Check, VerificationReport } from "./types.js";
import { type Refused, VerificationError } from "./verification-error.js";

/**
 * Notes in lsg_conversion.json of a folder that has just passed which files passed, by their sha256. Time and device
 * stay out: the same input and options give the same bytes.
 */
export async function recordProof(folder: FileSource): Promise<void> {
  const verified = await hashes(folder);
  const record = parseObject(await folder.read(RECORD_FILE), RECORD_FILE);
  await writeFile(await folder.localPath(RECORD_FILE), recordText({ ...record, verified }));
}

/** Whether a folder holds just the files, byte for byte, that have passed a verification. */
export async function isProven(folder: FileSource, signal?: AbortSignal): Promise<boolean> {
  if (!folder.files.has(RECORD_FILE)) return false;
  const { verified } = parseObject(await folder.read(RECORD_FILE), RECORD_FILE);
  if (!isRecord(verified)) return false;
  const paths = readPaths(folder);
  if (paths.length !== Object.keys(verified).length || !paths.every((path) => path in verified)) return false;
  return Object.entries(await hashes(folder, signal)).every(([path, hash]) => verified[path] === hash);
}

/**
 * Whether a report proves what the folder promises: that nothing failed is not enough where nothing was compared.
 * @param refused what is not done otherwise
 * @throws VerificationError if it does not
 */
export function requireProof(report: VerificationReport, refused: Refused): void {
  const unproven = (summary: string) =>
    new VerificationError({ ...report, verdict: "fail", summary }, refused);
  if (report.verdict === "fail") throw new VerificationError(report, refused);
  const passed = (id: Check["id"]) => report.checks.some((one) => one.id === id && one.verdict === "pass");
  if (!passed("weights")) {
    throw unproven(`nothing of ${report.converted} could be compared with the original.`);
  }
  if (report.hidden_states_up_to && !passed("lossless")) {
    const what = `that ${report.converted} does what the original does`;
    throw unproven(`${what} could not be proven: the original cannot be run.`);
  }
}

/** Files that a verification looks at; its owner may edit the others. */
function readPaths(folder: FileSource): string[] {
  return [...folder.files.keys()].filter(isRead).sort();
}

/** sha256 by path; the record's is that of its text without the proof. */
async function hashes(folder: FileSource, signal?: AbortSignal): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of readPaths(folder)) {
    const hash = createHash("sha256");
    if (path === RECORD_FILE) hash.update(withoutProof(await folder.read(path)));
    else await hashFile(await folder.localPath(path), hash, { signal });
    found[path] = hash.digest("hex");
  }
  return found;
}
