import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  type ParseOptions,
  parseDocument,
  visit,
  YAMLParseError,
} from "yaml";

/** Collections within each other, as many as JSON may have; further ones only fill the stack of who writes them. */
const MAX_DEPTH = 128;

/**
 * A YAML document that anybody may have written, its faults among its errors, in a time that its length bounds: the parser
 * itself takes the square of a map's keys to tell whether one repeats, and of a line's length to describe its errors.
 */
export function yamlDocument(text: string, options: ParseOptions = {}): Document {
  try {
    const document = parseDocument(text, {
      ...options,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
    document.errors.push(...faultsOf(document));
    return document;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const document = parseDocument("");
    document.errors.push(fault("RESOURCE_EXHAUSTION", "it nests too deeply", 0));
    return document;
  }
}

/** What the parser leaves to be found by whoever uses or writes the document. */
function faultsOf(document: Document): YAMLParseError[] {
  const faults: YAMLParseError[] = [];
  const anchors = new Set<string>();
  visit(document, (_, node, path) => {
    const at = isNode(node) ? (node.range?.[0] ?? 0) : 0;
    // A map and its pair, or a list.
    if (path.length > 2 * MAX_DEPTH) {
      faults.push(fault("RESOURCE_EXHAUSTION", "it nests too deeply", at));
      return visit.BREAK;
    }
    if (isAlias(node)) {
      if (!anchors.has(node.source)) faults.push(fault("BAD_ALIAS", `Unresolved alias ${node.source}`, at));
    } else if (isNode(node) && node.anchor !== undefined) anchors.add(node.anchor);
    if (isMap(node)) {
      const seen = new Set<unknown>();
      for (const { key } of node.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value))
          faults.push(fault("DUPLICATE_KEY", "Map keys must be unique", key.range?.[0] ?? at));
        seen.add(key.value);
      }
    }
    return undefined;
  });
  return faults;
}

function fault(code: ErrorCode, message: string, at: number): YAMLParseError {
  return new YAMLParseError([at, at], code, message);
}
