import { z } from "zod";
import { OptionError } from "../base/errors.js";
import { flagName, unwrap } from "./flags.js";

/**
 * Validates options that may come from a command line, where numbers are text.
 * @throws OptionError naming the option, what was given and what is allowed.
 */
export function validate<S extends z.ZodObject>(schema: S, given: Record<string, unknown>): z.output<S> {
  const values = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      schema.shape[key] ? fromText(schema.shape[key], value) : value,
    ]),
  );
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const key = String(issue?.path[0] ?? "");
  throw new OptionError(
    `${flagName(key)} ${JSON.stringify(given[key])}: ${issue ? describeIssue(issue) : "cannot be used"}`,
    "See --help for what it takes.",
  );
}

/** Numbers arrive as text from a command line; only text that is a number in full becomes one. */
function fromText(schema: z.core.$ZodType, value: unknown): unknown {
  const isNumber = unwrap(schema) instanceof z.ZodNumber;
  return isNumber && typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

/** What was expected, in the words of the command line. */
export function describeIssue(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return issue.expected === "int"
        ? "expected a whole number"
        : `expected ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
    case "invalid_value":
      return `expected one of ${issue.values.join(", ")}`;
    case "too_small":
      return `must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}
