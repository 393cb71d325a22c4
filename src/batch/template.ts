import { basename } from "node:path";
import { OptionError } from "../base/errors.js";
import { withoutEnding } from "../base/trim.js";

/**
 * Fills in a name or path: `out/{model}-{preset}` → `out/roberta-base-faithful`.
 * @param values what there is to fill in; undefined where a job says nothing
 * @param where the template's place in the file, for messages
 * @throws OptionError if a placeholder has no value, or none that fits into a name
 */
export function fillTemplate(
  template: string,
  values: Readonly<Record<string, unknown>>,
  where: string,
): string {
  return template.replace(/\{([^{}]*)\}/g, (placeholder, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    const text = value === undefined ? "" : nameOf(value);
    if (text !== "") return text;
    throw new OptionError(
      `${where} "${template}": ${placeholder} has no value here`,
      `There are: ${Object.keys(values)
        .filter((name) => values[name] !== undefined && nameOf(values[name]) !== "")
        .map((name) => `{${name}}`)
        .join(", ")}.`,
    );
  });
}

/** A value as a part of a name, which stays one part of a path; empty for what has none. */
export function nameOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(nameOf).join("-");
  if (typeof value === "object" && value !== null) return "";
  const name = String(value)
    .replace(/[^\w.-]+/g, "-")
    .replace(/^[.-]+/, "");
  return withoutEnding(name, "-");
}

/** What a model is called: the last part of its path or of its Hub id. */
export function modelName(model: string): string {
  return nameOf(basename(model.replace(/^hf:\/\//, "").replace(/@[^@]*$/, "")));
}
