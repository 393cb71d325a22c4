import type { Command } from "commander";

/** What a verb's command line needs of its surroundings. */
export interface CliContext {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** Prints the one JSON document of `--json`. */
  printJson(value: unknown): void;
  /** Prints one of many, a line of JSON, and waits while stdout is full. @returns whether somebody reads on */
  printJsonLine(value: unknown): Promise<boolean>;
  /** Makes the process end with this code, once the verb is done: 1 for a check that fell short. */
  exitWith(code: number): void;
  /** Prints a result for people, on stdout. */
  printText(text: string): void;
  /** Tells people what is going on or was done, on stderr. */
  tell(text: string): void;
  /** The command line with the flags of every verb, of which a run loads only its own. */
  wholeProgram(): Promise<Command>;
}

/** One file of `src/cli/`: what a verb adds to its command, and the arguments as that command takes them. */
export interface VerbModule {
  define(command: Command, context: CliContext): void;
  normalise?(args: readonly string[]): Promise<string[]>;
  /** Its flag for a length in tokens. */
  readonly lengthFlag?: string;
}
