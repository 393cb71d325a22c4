import { basename, dirname, resolve } from "node:path";
import { OptionError } from "../base/errors.js";
import { unfitForPaths } from "../base/printable.js";
import { withoutEnding } from "../base/trim.js";
import { camelCase } from "../options/flags.js";
import { type ConvertOptions, parseConvertOptions, recordedOptions } from "../options/options.js";
import { JOB_OPTIONS, type JobsFile, MAX_JOBS } from "./jobs-schema.js";
import type { Locate } from "./read-jobs.js";
import type { Job } from "./types.js";

type Entry = JobsFile["jobs"][number];
type Values = Readonly<Record<string, unknown>>;

/** A job with its place in the file, for messages. */
interface PlacedJob extends Job {
  readonly where: string;
}

/**
 * Multiplies matrices out, fills templates in and validates every job's options.
 * @throws OptionError if an option is wrong, or two jobs have one name or would get into each other's way
 */
export function expandJobs(file: JobsFile, locate: Locate): Job[] {
  const count = file.jobs.reduce((sum, { matrix = {} }) => sum + sizeOf(matrix), 0);
  if (count > MAX_JOBS) {
    throw new OptionError(
      `${locate(["jobs"])}: the matrices make ${count} jobs of it, at most ${MAX_JOBS} are run`,
      "Split the file.",
    );
  }
  const jobs = file.jobs.flatMap((entry, i) => {
    const at = (key?: string) => locate(["jobs", i, ...(key === undefined ? [] : [key])]);
    return combinations(entry.matrix ?? {}).map((chosen) => {
      const job = placeJob(file.defaults ?? {}, entry, chosen, at);
      refuseUnseen(job, (key) => {
        if (entry[key] !== undefined) return locate(["jobs", i, key]);
        return locate(key in chosen ? ["jobs", i, "matrix", key] : ["defaults", key]);
      });
      return job;
    });
  });
  refuseSame(
    jobs,
    "called",
    ({ name }) => name,
    "Give one of them a name, or put what differs into it: name: {model}-{preset}.",
  );
  refuseSame(
    jobs,
    "pushed to",
    ({ options }) => options.pushTo,
    "Put what differs into it: push_to: org/{name}.",
  );
  refuseOverlaps(jobs);
  return jobs;
}

/** @throws OptionError if what a job is called, reads or writes holds a character that no path needs */
function refuseUnseen({ name, model, output, options }: Job, locate: (key: string) => string): void {
  for (const [key, text] of Object.entries({ model, name, output, push_to: options.pushTo ?? "" })) {
    const found = unfitForPaths(text);
    if (found === undefined) continue;
    throw new OptionError(
      `${locate(key)} ${JSON.stringify(text)} holds ${found}, a character that nobody sees`,
      "Take it out: it would mislead readers of logs, and programs that read lists of paths.",
    );
  }
}

function placeJob(defaults: Values, entry: Entry, chosen: Values, at: (key?: string) => string): PlacedJob {
  for (const key of Object.keys(chosen)) {
    if (entry[key] === undefined) continue;
    throw new OptionError(`${at(key)}: it stands in the job and in its matrix`, "Take one of them out.");
  }
  const given = { ...defaults, ...entry, ...chosen };
  const { model, name, output } = given as Partial<Record<string, string>>;
  if (model === undefined) throw new OptionError(`${at()}: model is missing`, "Say what to convert.");
  if (output === undefined) {
    throw new OptionError(
      `${at()}: output is missing`,
      "Say where the job writes, or once for all: defaults: {output: out/{name}}.",
    );
  }
  const asked = optionsOf(given, at);
  const { lsg, ...others } = recordedOptions(asked);
  const values = { model: modelName(model), ...others, ...lsg };
  const place = (key: "name" | "output" | "push_to") => at(entry[key] === undefined ? undefined : key);
  const ownName =
    name === undefined
      ? [values.model, ...Object.keys(chosen).map((key) => key !== "model" && nameOf(chosen[key]))]
          .filter(Boolean)
          .join("-")
      : fillTemplate(name, values, `${place("name")}: name`);
  const fill = (template: string, key: "output" | "push_to") =>
    fillTemplate(template, { name: nameOf(ownName), ...values }, `${place(key)}: ${key}`);
  const { pushTo } = asked;
  const options = pushTo === undefined ? asked : { ...asked, pushTo: fill(pushTo, "push_to") };
  return { name: ownName, model, output: fill(output, "output"), options, where: at() };
}

/** @throws OptionError with the job's place before the option's name */
function optionsOf(given: Values, at: () => string): ConvertOptions {
  const options = Object.entries(given).filter(([key]) => JOB_OPTIONS.includes(key));
  try {
    return parseConvertOptions(Object.fromEntries(options.map(([key, value]) => [camelCase(key), value])));
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new OptionError(`${at()}: ${error.message}`, error.remedy, { cause: error });
  }
}

function sizeOf(matrix: Readonly<Record<string, readonly unknown[]>>): number {
  return Object.values(matrix).reduce((product, values) => product * values.length, 1);
}

/** Every choice of one value for each key; the last key changes fastest. */
function combinations(matrix: Readonly<Record<string, readonly unknown[]>>): Values[] {
  return Object.entries(matrix).reduce<Values[]>(
    (all, [key, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [key]: value }))),
    [{}],
  );
}

function refuseSame(
  jobs: readonly PlacedJob[],
  what: string,
  of: (job: Job) => string | undefined,
  remedy: string,
): void {
  const seen = new Map<string, PlacedJob>();
  for (const job of jobs) {
    const value = of(job);
    if (value === undefined) continue;
    const other = seen.get(value);
    if (other)
      throw new OptionError(`${job.where}: a second job ${what} ${value}; the first: ${other.where}`, remedy);
    seen.set(value, job);
  }
}

/**
 * Jobs run in any order and side by side: none may write where another one writes or reads.
 * A model is a folder or the id of a Hub model; an id becomes a folder once something is written there.
 */
function refuseOverlaps(jobs: readonly PlacedJob[]): void {
  const writers = new Map<string, PlacedJob>();
  const readers = new Map(jobs.map((job) => [resolve(job.model), job]));
  for (const job of jobs) {
    const path = resolve(job.output);
    const other = writers.get(path);
    if (other) throw overlap(job, `writes ${job.output}, and so does`, other);
    writers.set(path, job);
  }
  for (const [path, job] of writers) {
    const [writer, reader] = [nearest(dirname(path), writers), nearest(path, readers)];
    if (writer) throw overlap(job, `writes ${job.output} inside of ${writer.output}, written by`, writer);
    if (reader) throw overlap(job, `writes ${job.output} inside of ${reader.model}, read by`, reader);
  }
  for (const [path, job] of readers) {
    const writer = nearest(path, writers);
    if (writer) throw overlap(job, `reads ${job.model} inside of ${writer.output}, written by`, writer);
  }
}

function nearest(path: string, jobs: ReadonlyMap<string, PlacedJob>): PlacedJob | undefined {
  const above = dirname(path);
  return jobs.get(path) ?? (above === path ? undefined : nearest(above, jobs));
}

function overlap(job: PlacedJob, does: string, other: PlacedJob): OptionError {
  return new OptionError(
    `${job.where}: ${job.name} ${does} ${other === job ? "itself" : `${other.name} (${other.where})`}`,
    "Put what differs into the output, e.g. output: out/{name}; what one job writes another file of jobs may read.",
  );
}

/**
 * Fills in a name or path: `out/{model}-{preset}` → `out/roberta-base-faithful`.
 * @param values what there is to fill in; undefined where a job says nothing
 * @param where the template's place in the file, for messages
 * @throws OptionError if a placeholder has no value, or none that fits into a name
 */
function fillTemplate(template: string, values: Readonly<Record<string, unknown>>, where: string): string {
  return template.replace(/\{([^{}]*)\}/g, (placeholder, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    const text = value === undefined ? "" : nameOf(value);
    if (text !== "") return text;
    throw new OptionError(
      `${where} "${template}": ${placeholder} has no value here`,
      `There are: ${Object.keys(values)
        .filter((name) => values[name] !== undefined && nameOf(values[name]) !== "")
        .map((name) => `{${name}}`)
        .join(", ")}.`,
    );
  });
}

/** A value as a part of a name, which stays one part of a path; empty for what has none. */
function nameOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(nameOf).join("-");
  if (typeof value === "object" && value !== null) return "";
  const name = String(value)
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[.-]+/, "");
  return withoutEnding(name, "-");
}

/** What a model is called: the last part of its path or of its Hub id. */
function modelName(model: string): string {
  return nameOf(basename(model.replace(/^hf:\/\//, "").replace(/@[^@]*$/, "")));
}
