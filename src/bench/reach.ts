/** A graph that does not run at every length. */
export interface Reaching {
  /** Tokens that it reads at most. */
  readonly longest: number;
  /** Bytes that one row of a length needs at least, where that may be more than there is. */
  bytesAt?(length: number): number;
}

/** The lengths at which a graph can be run, and a sentence for each reason that leaves others out. */
export interface Reach {
  readonly lengths: readonly number[];
  readonly notes: readonly string[];
}

/** @param memory bytes that there are */
export function reachOf(
  { longest, bytesAt = () => 0 }: Reaching,
  lengths: readonly number[],
  { batchSize, memory }: { readonly batchSize: number; readonly memory: number },
): Reach {
  const read = lengths.filter((length) => length <= longest);
  const unread = lengths.filter((length) => length > longest);
  const needed = (length: number) => batchSize * bytesAt(length);
  const tooLarge = read.filter((length) => needed(length) > memory);
  const [first] = tooLarge;
  return {
    lengths: read.filter((length) => !tooLarge.includes(length)),
    notes: [
      ...(first === undefined
        ? []
        : [
            `not run at ${tokens(tooLarge)}: ${first} need about ${gigabytes(needed(first))} of memory, and ` +
              `${gigabytes(memory)} are free`,
          ]),
      ...(unread.length === 0 ? [] : [`not run at ${tokens(unread)}: it reads ${longest} at most`]),
    ],
  };
}

function tokens(lengths: readonly number[]): string {
  return `${lengths.join(", ")} tokens`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
