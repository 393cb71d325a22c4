import { listed } from "../../base/listed.js";
import type { FileSource } from "../../checkpoint/file-source.js";
import { isAsCommitted } from "../../checkpoint/hub/download.js";
import {
  convertedFiles,
  type FileHashes,
  hashOfHashes,
  sourceHashes,
} from "../../checkpoint/source-hashes.js";
import { RECORD_FILE } from "../../plan/conversion-record.js";
import { isRead } from "../../plan/side-files.js";
import type { ConversionRecord } from "../../plan/types.js";
import { counted } from "../../report/numbers.js";
import { judge, type Outcome } from "../check.js";

const REMEDY =
  "Name the original as it was when it was converted: --against FOLDER_OR_HUB_MODEL; or convert this one again.";

/** Files that a sentence names. */
const MAX_NAMED = 3;

/**
 * Checks that the folder is compared with what was converted: source and result that were altered alike agree with each
 * other. Without hashes in the record only the source's present files are known.
 */
export async function checkSource(
  source: FileSource,
  { source: recorded }: ConversionRecord,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { model, revision, sha256 } = recorded;
  const { origin } = source;
  const name = nameOf(source);
  if (sha256 !== undefined) {
    const hashes = await sourceHashes(source, signal);
    const findings = typeof sha256 === "string" ? ofAll(hashes, sha256) : byFile(hashes, sha256);
    return judge(
      findings,
      `${name}, the one that was converted: ${counted(Object.keys(hashes).length, "file")} by their sha256`,
      `${name} is not the original that was converted, or was changed since: ${counted(findings.length, "difference")}`,
      REMEDY,
    );
  }
  if (origin.kind === "hub" && origin.repo === model && origin.revision === revision) {
    return checkCommitted(source, `${name} at ${revision}, the commit that was converted`, signal);
  }
  const detail =
    revision === undefined
      ? `${RECORD_FILE} holds no hash of it`
      : `${RECORD_FILE} names ${model} at ${revision}, and ${name} is not had from there`;
  return { verdict: "stated", detail: `${detail}: the folder is compared with what lies there now, no more` };
}

/** A folder may be called like a model of the Hub's. */
export function nameOf({ name, origin }: FileSource): string {
  return origin.kind === "hub" ? `${name} of the Hub` : `the folder ${name}`;
}

/** Compares the Hub's cache with the commit. */
async function checkCommitted(
  source: FileSource,
  what: string,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const findings: string[] = [];
  const unknown: string[] = [];
  for (const path of (await convertedFiles(source)).filter(isRead)) {
    const isSame = await isAsCommitted(source, path, signal);
    if (isSame === undefined) unknown.push(path);
    else if (!isSame) findings.push(`${path} is not what the commit holds: somebody wrote into the cache`);
  }
  if (findings.length === 0 && unknown.length > 0) {
    const detail = `${what}; of ${listed(unknown, MAX_NAMED)} the cache knows no hash: compared with what lies there now, no more`;
    return { verdict: "stated", detail };
  }
  return judge(
    findings,
    what,
    `${what}, but for ${counted(findings.length, "file")} of the cache`,
    "Remove the model from the Hub's cache (HF_HUB_CACHE), so that it is fetched again; convert it again if that fails too.",
  );
}

/** What is compared as a whole: format 1 does not say which of the files differs. */
function ofAll(hashes: FileHashes, recorded: string): string[] {
  const found = hashOfHashes(hashes);
  return found === recorded
    ? []
    : [`source.sha256 is ${found}, expected ${recorded} by ${RECORD_FILE}: one hash of all its files`];
}

/** Cards and licences may change, as they do not affect the outputs. */
function byFile(hashes: FileHashes, recorded: FileHashes): string[] {
  const paths = new Set([...Object.keys(recorded), ...Object.keys(hashes)].filter(isRead));
  return [...paths].sort().flatMap((path) => {
    const [found, expected] = [hashes[path], recorded[path]];
    if (found === expected) return [];
    if (found === undefined) return [`${path} is missing, expected by ${RECORD_FILE}`];
    if (expected === undefined) return [`${path} is there, and was not when it was converted`];
    return [`${path}: sha256 is ${found}, expected ${expected} by ${RECORD_FILE}`];
  });
}
