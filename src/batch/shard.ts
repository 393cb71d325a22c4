import { OptionError } from "../base/errors.js";

/** Which part of the jobs is run: `index` from 1 to `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Kubernetes gives each pod of an indexed Job its number, from 0, but not how many there are. */
const INDEX_VARIABLE = "JOB_COMPLETION_INDEX";

/**
 * The part of the jobs to run, from 1.
 * @param asked `--shard`: I/N, or /N for the part that the cluster numbers
 * @throws OptionError if there is no such part, or if it was left open how many there are: every pod would do everything
 */
export function readShard(
  asked: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Shard | undefined {
  const given = environment[INDEX_VARIABLE];
  if (asked === undefined) {
    if (given === undefined) return undefined;
    throw new OptionError(
      `${INDEX_VARIABLE} is ${given}, but not in how many parts the jobs are to be divided`,
      "Add --shard /N with the Job's completions as N, or --shard 1/1 to run everything.",
    );
  }
  const [, before, count] = /^(\d*)\/(\d+)$/.exec(asked) ?? [];
  if (before === undefined) throw new OptionError(`--shard ${asked}: expected I/N, e.g. 2/5, or /N`);
  if (before === "" && !/^\d+$/.test(given ?? "")) {
    throw new OptionError(
      `--shard ${asked}: ${INDEX_VARIABLE} ${given === undefined ? "is not set" : `is ${JSON.stringify(given)}`}`,
      "Name the part, --shard I/N, or run it in an indexed Job.",
    );
  }
  const shard = { index: before === "" ? Number(given) + 1 : Number(before), count: Number(count) };
  if (shard.index >= 1 && shard.index <= shard.count) return shard;
  throw new OptionError(
    `--shard ${asked}: there is no part ${shard.index} of ${shard.count}`,
    before === ""
      ? `N is the Job's completions; ${INDEX_VARIABLE} is ${given}.`
      : "Parts are counted from 1.",
  );
}

/** Every `count`-th job, beginning with the `index`-th: parts of about the same size, the same each time. */
export function jobsOfShard<T>(jobs: readonly T[], shard: Shard | undefined): T[] {
  return jobs.filter((_, i) => shard === undefined || i % shard.count === shard.index - 1);
}
