import { printable } from "./printable.js";

/**
 * Errors that a user can act on. Each states what is wrong, what was found and expected, and the remedy;
 * the command line prints `message` and `remedy` and leaves with `exitCode`. Any other error is a bug.
 */
export class LsgError extends Error {
  /** Process exit code: 2 for a wrong command or input, 1 for a check that fell short. */
  readonly exitCode: number = 2;
  readonly remedy: string | undefined;
  /** What a program may want to know of it beside its text: further keys of the error in --json. */
  readonly details: Readonly<Record<string, unknown>> = {};

  /**
   * Names and values of a model may stand in both texts as they are: here they become lines that do nothing to who reads
   * them. @param message one line, or a list of them
   */
  constructor(message: string | readonly string[], remedy?: string, options?: ErrorOptions) {
    super([message].flat().map(printable).join("\n     "), options);
    this.name = new.target.name;
    this.remedy = remedy === undefined ? undefined : printable(remedy);
  }
}

/** For `catch`, where what is refused is nothing to go on with, and anything else a bug. */
export function nothingIfRefused(error: unknown): undefined {
  if (!(error instanceof LsgError)) throw error;
}

/** An option, or a combination of options, that cannot be used. */
export class OptionError extends LsgError {}

/** A source checkpoint that is damaged, incomplete or of a kind that cannot be converted. */
export class CheckpointError extends LsgError {}

/** A safetensors header or file that breaks the format. */
export class SafetensorsError extends CheckpointError {}

/** A PyTorch state-dict file (`.bin`) that is damaged or holds more than tensors. */
export class PickleError extends CheckpointError {}

/** Work of a stranger's tokenizer, graph or code that was ended, since it took more time or memory than it may. */
export class LimitError extends CheckpointError {}

export class HubError extends LsgError {}

/** A target folder that cannot be written or must not be replaced. */
export class OutputError extends LsgError {}

/** A target of which a part was moved and could not be moved back; the next run does it. */
export class StuckError extends OutputError {}

/** A device that is not there, or the runtime for it. */
export class DeviceError extends LsgError {}

/** A graph that loses more of what float32 computes than its dtype may. */
export class PrecisionError extends LsgError {
  override readonly exitCode = 1;
}

/** Work that a signal stopped after it had changed something: the message says what is there now. */
export class StoppedError extends LsgError {}

/** What Node's own functions throw when a signal aborts them; ours that wait for another process do too. */
export function abortError(signal: AbortSignal): Error {
  return Object.assign(new Error("the work was stopped", { cause: signal.reason }), {
    name: "AbortError",
    code: "ABORT_ERR",
  });
}

/** `code` of a Node system error (`ENOENT`, `ENOSPC` …), if `error` is one. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * The system's errors by the codes that Node gives them: why something cannot be read or cached, where the system's own
 * words are not shown, and what to do where an output cannot be written.
 */
const SYSTEM_ERRORS: Readonly<Record<string, { readonly why?: string; readonly remedy: string }>> = {
  EACCES: { why: "permission denied", remedy: "Name a folder that you may write to." },
  EPERM: { why: "permission denied", remedy: "Name a folder that you may write to." },
  EROFS: { why: "the disk is read-only", remedy: "The disk is read-only: name a folder elsewhere." },
  ENOENT: { why: "it does not exist", remedy: "Name a place in a folder that is there." },
  ENOTDIR: { why: "it is not a folder", remedy: "A part of the path is a file: name another folder." },
  ENOSPC: {
    why: "no space is left on the disk",
    remedy: "Free some space, or name an output on another disk.",
  },
  EDQUOT: {
    why: "the disk quota is used up",
    remedy: "The quota is used up: free some space, or name an output elsewhere.",
  },
  EEXIST: { remedy: "A file of that name is there: name another folder." },
  EISDIR: { remedy: "A folder of that name is there: name a file." },
  ENOTEMPTY: { remedy: "Something else was put there meanwhile: look at it, and add --force to replace it." },
  ENAMETOOLONG: { remedy: "The path is too long: name a shorter one." },
  ELOOP: { remedy: "Links on the way point to each other: name another path." },
  EBUSY: { remedy: "Something has it open: close it, and run the same command again." },
  EXDEV: {
    remedy:
      "It lies on two disks and cannot be replaced as a whole: remove it first, or name another output.",
  },
};

/** Why something cannot be read or cached, by a system error's code; the code itself where there are no words for it. */
export function whyOfSystemError(code: string): string {
  return SYSTEM_ERRORS[code]?.why ?? code;
}

/** What to do where an output cannot be written, by a system error's code. */
export function outputRemedy(code: string): string | undefined {
  return SYSTEM_ERRORS[code]?.remedy;
}
