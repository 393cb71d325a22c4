import { type Document, isScalar, type ParseOptions, parseDocument, visit, YAMLParseError } from "yaml";

/**
 * A YAML document that anybody may have written, its faults among its errors, in a time that its length bounds: the parser
 * itself takes the square of a map's keys to tell whether one repeats, and of a line's length to describe its errors.
 * Nesting that no stack holds is a fault too.
 */
export function yamlDocument(text: string, options: ParseOptions = {}): Document {
  try {
    const document = parseDocument(text, {
      ...options,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
    visit(document, {
      Map(_, { items }) {
        const seen = new Set<unknown>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          if (seen.has(key.value))
            document.errors.push(fault("DUPLICATE_KEY", "Map keys must be unique", key.range));
          seen.add(key.value);
        }
      },
    });
    return document;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const document = parseDocument("");
    document.errors.push(fault("RESOURCE_EXHAUSTION", "it nests too deeply"));
    return document;
  }
}

function fault(
  code: ConstructorParameters<typeof YAMLParseError>[1],
  message: string,
  range?: readonly [number, ...number[]] | null,
): YAMLParseError {
  const [start] = range ?? [0];
  return new YAMLParseError([start, start], code, message);
}
