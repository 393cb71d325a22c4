import { relative } from "node:path";
import { LsgError, OutputError, outputRemedy, systemErrorCode } from "../base/errors.js";

/** A system error as an OutputError with its remedy; any other error as it is. */
export function asOutputError(error: unknown, target: string): unknown {
  const code = systemErrorCode(error);
  if (error instanceof LsgError || code === undefined) return error;
  const where = relative(process.cwd(), target).startsWith("..") ? target : relative(process.cwd(), target);
  return new OutputError(
    `${where || target} cannot be written: ${(error as Error).message}`,
    outputRemedy(code),
    { cause: error },
  );
}
