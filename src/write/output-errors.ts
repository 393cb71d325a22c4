import { relative } from "node:path";
import { LsgError, OutputError, systemErrorCode } from "../base/errors.js";

/** What to do about a system's error, by its code. */
export const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space, or name an output on another disk.",
  EDQUOT: "The quota is used up: free some space, or name an output elsewhere.",
  EACCES: "Name a folder that you may write to.",
  EPERM: "Name a folder that you may write to.",
  EROFS: "The disk is read-only: name a folder elsewhere.",
  EEXIST: "A file of that name is there: name another folder.",
  ENOTDIR: "A part of the path is a file: name another folder.",
  EISDIR: "A folder of that name is there: name a file.",
  ENOENT: "Name a place in a folder that is there.",
  ENOTEMPTY: "Something else was put there meanwhile: look at it, and add --force to replace it.",
  ENAMETOOLONG: "The path is too long: name a shorter one.",
  ELOOP: "Links on the way point to each other: name another path.",
  EBUSY: "Something has it open: close it, and run the same command again.",
  EXDEV: "It lies on two disks and cannot be replaced as a whole: remove it first, or name another output.",
};

/** A system error as an OutputError with its remedy; any other error as it is. */
export function asOutputError(error: unknown, target: string): unknown {
  const code = systemErrorCode(error);
  if (error instanceof LsgError || code === undefined) return error;
  const where = relative(process.cwd(), target).startsWith("..") ? target : relative(process.cwd(), target);
  return new OutputError(
    `${where || target} cannot be written: ${(error as Error).message}`,
    REMEDIES[code],
    { cause: error },
  );
}
