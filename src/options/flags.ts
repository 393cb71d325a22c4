import { z } from "zod";

/** One option as the command line shows it. */
export interface Flag {
  readonly key: string;
  readonly description: string;
  readonly kind: "boolean" | "value" | "optional value" | "values";
  readonly group: string;
  /** What stands for the value in the help. */
  readonly placeholder: string;
  readonly choices?: readonly string[];
  readonly defaultValue?: unknown;
  /** Whether switching it off says anything: it is on by default, or a preset may set it. */
  readonly negatable: boolean;
}

/** The flags that a schema describes, under one heading of the help. */
export function flagsOf(group: string, shape: Readonly<Record<string, z.ZodType>>): Flag[] {
  return Object.entries(shape).map(([key, schema]) => {
    const inner = unwrap(schema);
    const fallback = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return {
      key,
      group,
      description: schema.description ?? "",
      kind:
        inner instanceof z.ZodBoolean
          ? "boolean"
          : schema.meta()?.valueMayBeLeftOut
            ? "optional value"
            : inner instanceof z.ZodArray
              ? "values"
              : "value",
      placeholder: String(schema.meta()?.placeholder ?? placeholderOf(inner)),
      negatable: fallback === true,
      ...(inner instanceof z.ZodEnum && { choices: inner.options.map(String) }),
      ...(typeof fallback !== "object" && { defaultValue: fallback }),
    };
  });
}

function placeholderOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodRecord) return "json";
  return schema instanceof z.ZodPipe ? "list" : "name";
}

/** `maxSequenceLength` or `max_sequence_length` → `--max-sequence-length`. */
export function flagName(key: string): string {
  return `--${snakeCase(key).replaceAll("_", "-")}`;
}

/** The schema below defaults, optionals and nullables. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodExactOptional ||
    schema instanceof z.ZodNullable;
  return isWrapper ? unwrap(schema.def.innerType) : schema;
}

/** `max_sequence_length` → `maxSequenceLength`. */
export function camelCase(key: string): string {
  return key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** `maxSequenceLength` → `max_sequence_length`. */
export function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** An object with its keys in snake_case. */
export function snakeKeys(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [snakeCase(key), value]));
}
