import { readFile } from "node:fs/promises";
import { type Document, isNode, LineCounter } from "yaml";
import type { z } from "zod";
import { OptionError, systemErrorCode } from "../base/errors.js";
import { yamlDocument } from "../base/yaml.js";
import { editDistance } from "../options/kwargs.js";
import { describeIssue } from "../options/validate.js";
import { JOB_OPTIONS, type JobsFile, JobsFileSchema } from "./jobs-schema.js";

type Path = readonly PropertyKey[];

/** Says where in the file a value stands: `jobs.yaml:12: jobs[1].preset`. */
export type Locate = (path: Path) => string;

/** More faults than this in one message help nobody. */
const MAX_FAULTS = 10;

const REMEDY =
  "A job has a model, an output, perhaps a name and a matrix, and lsg convert's options, e.g. max_sequence_length.";

/**
 * Reads a file of jobs, YAML or the JSON that it contains.
 * @throws OptionError naming file, line and key of everything that is wrong
 */
export async function readJobsFile(path: string): Promise<{ file: JobsFile; locate: Locate }> {
  return parseJobs(await readText(path), path);
}

/** @param path the file's name in messages */
export function parseJobs(text: string, path: string): { file: JobsFile; locate: Locate } {
  const lines = new LineCounter();
  const document = yamlDocument(text, { lineCounter: lines });
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) {
    const { line } = lines.linePos(fault.pos[0]);
    throw new OptionError(`${path}:${line}: this is neither YAML nor JSON: ${fault.message}`);
  }
  const locate: Locate = (at) => `${path}:${lineOf(document, lines, at)}: ${keyPath(at)}`;
  const value = plainValue(document, path);
  const result = JobsFileSchema.safeParse(value);
  if (!result.success) throw new OptionError(describeFaults(result.error.issues, locate, document), REMEDY);
  // As it stands there: a matrix keeps the order of its keys.
  return { file: value as JobsFile, locate };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw new OptionError(`${path} cannot be read: ${(error as Error).message}`, "Name a file of jobs.", {
      cause: error,
    });
  }
}

/** Aliases that multiply are refused by the parser, which counts them. */
function plainValue(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new OptionError(`${path}: ${(error as Error).message}`, undefined, { cause: error });
  }
}

function describeFaults(issues: readonly z.core.$ZodIssue[], locate: Locate, document: Document): string[] {
  const faults = issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => `${locate([...issue.path, key])}: unknown key${meant(key)}`)
      : [`${locate(issue.path)}${shown(document.getIn(issue.path))}: ${describeIssue(issue)}`],
  );
  const more = faults.length - MAX_FAULTS;
  return [...faults.slice(0, MAX_FAULTS), ...(more > 0 ? [`and ${more} more`] : [])];
}

function shown(value: unknown): string {
  return value === undefined || isNode(value) ? "" : ` ${JSON.stringify(value)}`;
}

/** What an unknown key was likely meant to be: `presets`, `max-sequence-length`. */
function meant(key: string): string {
  const plain = key.replaceAll("-", "_");
  const known = ["name", "output", "model", "matrix", "jobs", "defaults", ...JOB_OPTIONS];
  const nearest = known.find((name) => editDistance(name, plain) <= 2);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

/** `jobs[1].matrix.preset[0]`; the whole file where there is no key. */
function keyPath(path: Path): string {
  const text = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return text.replace(/^\./, "") || "the file";
}

/** The line of a value's key or, where it is missing, of what it is missing in. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
