/** `start`, `start + step`, … `count` numbers. With step 0 one number repeats. */
export interface Run {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** Rows of a source tensor along its first axis. A scalar has one row. */
export interface Rows extends Run {
  /** The tensor's name in the source. */
  readonly tensor: string;
}

/** `count` rows from row `from` on, of rows that come in several runs. */
export function sliceRows<R extends Run>(runs: readonly R[], from: number, count: number): R[] {
  const result: R[] = [];
  let skip = from;
  let wanted = count;
  for (const run of runs) {
    const skipped = Math.min(skip, run.count);
    const taken = Math.min(wanted, run.count - skipped);
    if (taken > 0) result.push({ ...run, start: run.start + skipped * run.step, count: taken });
    skip -= skipped;
    wanted -= taken;
  }
  return result;
}
