/** What follows from a verdict. docs/verify.md shows this table; a test joins the two. */
interface Consequences {
  readonly words: string;
  /** Of `lsg verify`. */
  readonly exitCode: 0 | 1;
  /** Where `--against none` has asked for no comparison. */
  readonly exitCodeUncompared: 0 | 1;
  /** Whether `lsg push` takes such a folder; any other goes with `--no-verify` alone. */
  readonly isPushed: boolean;
}

/** What a verification finds of a whole folder, by the names of `--json`. */
export const VERDICTS = {
  /** Every byte was compared with the original's, and what is promised of the outputs holds. */
  sound: { words: "sound", exitCode: 0, exitCodeUncompared: 0, isPushed: true },
  /** A converted model without a record: its weights cannot be compared. Checks that need no original pass. */
  fine_tuned_since: {
    words: "fine-tuned since",
    exitCode: 1,
    exitCodeUncompared: 0,
    isPushed: true,
  },
  /** Checks that need no original pass; the rest was not compared. */
  not_compared: {
    words: "not compared",
    exitCode: 1,
    exitCodeUncompared: 0,
    isPushed: false,
  },
  falls_short: {
    words: "falls short",
    exitCode: 1,
    exitCodeUncompared: 1,
    isPushed: false,
  },
} as const satisfies Readonly<Record<string, Consequences>>;

export type FolderVerdict = keyof typeof VERDICTS;

/** What `--against` says where no comparison is asked for. A folder of this name is `./none`. */
export const NO_ORIGINAL = "none";

/** The exit code of `lsg verify`. @param against as it was given */
export function exitCodeOf(verdict: FolderVerdict, against: string | undefined): 0 | 1 {
  const { exitCode, exitCodeUncompared } = VERDICTS[verdict];
  return against === NO_ORIGINAL ? exitCodeUncompared : exitCode;
}
