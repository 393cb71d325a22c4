import { LsgConfigSchema } from "../attention/lsg-config.js";
import { OptionError } from "../base/errors.js";

/**
 * `--model-kwargs`, divided into LSG keys and others.
 * @param given text as the reference takes it, or an object
 * @throws OptionError if it is not an object, or has a misspelt LSG key.
 */
export function parseKwargs(given: unknown): {
  lsg: Record<string, unknown>;
  other: Record<string, unknown>;
} {
  const kwargs = typeof given === "string" ? parseRelaxedJson(given) : (given ?? {});
  if (typeof kwargs !== "object" || kwargs === null || Array.isArray(kwargs)) {
    throw new OptionError(`--model-kwargs ${JSON.stringify(given)}: expected an object of config keys`);
  }
  const entries = Object.entries(kwargs);
  const isLsg = ([key]: [string, unknown]) => Object.hasOwn(LsgConfigSchema.shape, key);
  const other = entries.filter((entry) => !isLsg(entry));
  for (const [key] of other) refuseNearMiss(key);
  return { lsg: Object.fromEntries(entries.filter(isLsg)), other: Object.fromEntries(other) };
}

/** The reference takes single quotes for double ones; Python's literals are accepted as well. */
function parseRelaxedJson(text: string): unknown {
  const pythonAsJson = text
    .replaceAll("'", '"')
    .replace(/\b(True|False|None)\b/g, (word) => ({ True: "true", False: "false" })[word] ?? "null");
  for (const candidate of [text, pythonAsJson]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The other spelling may do.
    }
  }
  throw new OptionError(
    `--model-kwargs ${text}: this is not JSON`,
    "Write an object such as \"{'sparsity_type': 'lsh', 'block_size': 32}\".",
  );
}

/** A config may hold any key, so only what looks like a misspelt key of ours is refused. */
function refuseNearMiss(key: string): void {
  const meant = Object.keys(LsgConfigSchema.shape).find((known) => editDistance(known, key) <= 2);
  if (meant) {
    throw new OptionError(`--model-kwargs: unknown key "${key}"`, `Did you mean "${meant}"?`);
  }
}

/** Levenshtein's distance between two short words. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
