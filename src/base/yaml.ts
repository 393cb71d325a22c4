import {
  type CST,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  type ParseOptions,
  Parser,
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
  const isDeep = nestsTooDeeply(text);
  const document = parseDocument(isDeep ? "" : text, {
    ...options,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
  });
  document.errors.push(
    ...(isDeep ? [fault("RESOURCE_EXHAUSTION", "it nests too deeply", 0)] : faultsOf(document)),
  );
  return document;
}

/**
 * Whether collections lie within each other further than is read. Of the library's two passes the first keeps a stack of its
 * own for what stands in brackets; the second, which makes values, takes the process's for everything, and where that ends V8
 * may end the process.
 */
function nestsTooDeeply(text: string): boolean {
  try {
    for (const token of new Parser().parse(text)) if (depthOf(token) > MAX_DEPTH) return true;
    return false;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return true;
  }
}

function depthOf(token: CST.Token): number {
  const pending = [{ token, depth: 0 }];
  let deepest = 0;
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { token, depth } = next;
    deepest = Math.max(deepest, depth);
    if (token.type === "document" && token.value) pending.push({ token: token.value, depth });
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      for (const inner of [key, value]) if (inner) pending.push({ token: inner, depth: depth + 1 });
    }
  }
  return deepest;
}

/** Faults that the parser does not report, and that using or writing the document would meet. */
function faultsOf(document: Document): YAMLParseError[] {
  const faults: YAMLParseError[] = [];
  const anchors = new Set<string>();
  visit(document, (_, node) => {
    const at = isNode(node) ? (node.range?.[0] ?? 0) : 0;
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
