import { posix } from "node:path";
import { inDtype } from "../../base/graph-dtypes.js";
import { GENERATION_FILES } from "../../checkpoint/graph-files.js";
import { counted, formatNumber } from "../../report/numbers.js";
import type { Session } from "../../runtime/session.js";
import { type FloatTensor, tokenRange } from "../../runtime/tensors.js";
import type { Outcome } from "../check.js";
import type { DifferenceFound } from "../model/difference.js";
import { compareByLength, judgeCloseness } from "./compare-outputs.js";
import { type Case, emptied, firstPass, type Kept, laterPass, makeCases } from "./generation-steps.js";
import { exportAgain, type FoundGraphs, inSession, type OutputCheck } from "./graph-check.js";

interface Found extends DifferenceFound {
  readonly what: string;
}

/** One case as `decoder_model.onnx` has it, which the other graphs are compared with. */
interface Begun {
  readonly one: Case;
  /** What it keeps of all tokens at once. */
  readonly all: Kept;
  /** What it keeps of the first pass. */
  readonly first: Kept;
}

/**
 * Generates with the graphs as clients do, step by step over tokens that are given: what each step gives is compared
 * with what the folder's weights give of all tokens at once. One graph is open at a time.
 */
export async function compareGeneration(graphs: FoundGraphs, check: OutputCheck): Promise<Outcome> {
  const place = posix.dirname(graphs.files[0] ?? "");
  const at = (name: string) => posix.join(place, inDtype(name, graphs.dtype));
  const missing = Object.values(GENERATION_FILES)
    .map(at)
    .filter((path) => !graphs.files.includes(path));
  if (missing.length > 0) {
    const findings = missing.map((path) => `${path} is missing`);
    return {
      verdict: "fail",
      detail: "not all that it takes to generate",
      findings,
      remedy: exportAgain(graphs.dtype),
    };
  }
  const stage = <T>(name: string, look: (session: Session, graph: string) => Promise<T>): Promise<T> =>
    inSession(at(name), graphs, check, (session) => look(session, at(name)));
  const encoded = await stage(GENERATION_FILES.encoder, (session, graph) =>
    compareEncoder(session, graph, graphs, check),
  );
  const cases = await makeCases(check);
  const { begun, found } = await stage(GENERATION_FILES.decoder, (session, graph) =>
    begin(session, graph, cases, graphs),
  );
  const later = await stage(GENERATION_FILES.decoderWithPast, (session, graph) =>
    forEach(begun, (one) => goOn(session, graph, one, one.first, graphs)),
  );
  const merged = await stage(GENERATION_FILES.merged, (session, graph) =>
    forEach(begun, (one) => beginAndGoOn(session, graph, one, graphs)),
  );
  return judgeCloseness([...encoded, ...found, ...later, ...merged], graphs, {
    what: ` tokens, ${counted(Object.keys(GENERATION_FILES).length, "graph")}`,
    describe: ({ what, length, difference: { largest } }) =>
      `${what}: ${formatNumber(largest)} (input of ${counted(length, "token")})`,
  });
}

async function compareEncoder(
  session: Session,
  graph: string,
  graphs: FoundGraphs,
  check: OutputCheck,
): Promise<Found[]> {
  const { found } = await compareByLength(session, graphs, check, async (batch) => {
    const { states } = await check.model.encode(batch);
    return { inputs: batch.inputs, expected: { last_hidden_state: states } };
  });
  return found.map((one) => ({ ...one, what: graph }));
}

/** The first pass, and for comparison one over all tokens. */
async function begin(
  session: Session,
  graph: string,
  cases: readonly Case[],
  graphs: FoundGraphs,
): Promise<{ begun: Begun[]; found: Found[] }> {
  const begun: Begun[] = [];
  const found: Found[] = [];
  for (const one of cases) {
    const all = await firstPass(session, one, one.count);
    const first = await firstPass(session, one, one.first);
    found.push(ofLogits(`${graph}, ${one.count} tokens at once`, one, all.logits, [0, one.count], graphs));
    found.push(ofLogits(`${graph}, first pass`, one, first.logits, [0, one.first], graphs));
    begun.push({ one, all: all.kept, first: first.kept });
  }
  return { begun, found };
}

/** One token after the other; what is kept in the end must be what is kept of all at once. */
async function goOn(
  session: Session,
  graph: string,
  { one, all }: Begun,
  first: Kept,
  graphs: FoundGraphs,
): Promise<Found[]> {
  const found: Found[] = [];
  let past = first;
  for (let token = one.first; token < one.count; token++) {
    const { logits, kept } = await laterPass(session, one, token, past);
    found.push(ofLogits(`${graph}, token ${token + 1}`, one, logits, [token, token + 1], graphs));
    past = kept;
  }
  return [...found, ofKept(`${graph}, what is kept`, one, all, past, graphs)];
}

/** Both branches of a merged graph. */
async function beginAndGoOn(
  session: Session,
  graph: string,
  begun: Begun,
  graphs: FoundGraphs,
): Promise<Found[]> {
  const { one, first } = begun;
  const { logits, kept } = await firstPass(session, one, one.first, emptied(first));
  return [
    ofLogits(`${graph}, first pass`, one, logits, [0, one.first], graphs),
    ofKept(`${graph}, what the first pass keeps`, one, first, kept, graphs),
    ...(await goOn(session, graph, begun, kept, graphs)),
  ];
}

function ofLogits(
  what: string,
  one: Case,
  logits: FloatTensor,
  tokens: readonly [start: number, end: number],
  { closeness }: FoundGraphs,
): Found {
  const expected = { logits: tokenRange(one.logits, ...tokens) };
  return { what, length: one.length, difference: closeness.between(expected, { logits }) };
}

function ofKept(
  what: string,
  { length }: Case,
  expected: Kept,
  actual: Kept,
  { closeness }: FoundGraphs,
): Found {
  return { what, length, difference: closeness.between(expected, actual) };
}

async function forEach<T>(items: readonly T[], look: (item: T) => Promise<Found[]>): Promise<Found[]> {
  const found: Found[] = [];
  for (const item of items) found.push(...(await look(item)));
  return found;
}
