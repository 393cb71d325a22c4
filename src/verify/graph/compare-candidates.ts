import { makeBatch, type Row } from "../../runtime/batch.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { Session } from "../../runtime/session.js";
import type { FloatTensor } from "../../runtime/tensors.js";
import type { CandidateTokens } from "../../tokenizer/candidate-tokens.js";
import type { Outcome } from "../check.js";
import { compareByLength, judgeCloseness } from "./compare-outputs.js";
import type { FoundGraphs, OutputCheck, Question } from "./graph-check.js";

/** Candidates of an input, as far as it has room for them. */
const CANDIDATES = 3;

/** Whether a graph scores candidates. */
export function scoresCandidates({ outputNames }: Session): boolean {
  return outputNames.includes("window_logits");
}

/** Compares the scores of candidates that a graph gives with those that the folder's weights give the same tokens. */
export async function compareCandidates(
  session: Session,
  graphs: FoundGraphs,
  check: OutputCheck,
  tokens: CandidateTokens,
): Promise<Outcome> {
  const { found } = await compareByLength(session, graphs, check, ({ length }) => ask(check, tokens, length));
  return judgeCloseness(found, graphs, { what: " tokens, 2 windows each" });
}

/** Two windows of one document, the second of which is shorter. */
async function ask(check: OutputCheck, tokens: CandidateTokens, length: number): Promise<Question> {
  const { model, inputs, seed } = check;
  const [first, second] = [
    makeWindow(inputs, tokens, length, seed),
    makeWindow(inputs, tokens, length, seed + 1),
  ];
  const kept = Math.max(Math.ceil(length / 2), first.prefix);
  const shorter = [...first.ids.slice(0, first.prefix), ...second.ids.slice(first.prefix, kept)];
  const rows = [first.ids, shorter].map((ids): Row => {
    const last = ids.lastIndexOf(tokens.end);
    return { ids, pad: "right", globals: ids.map((_, i) => (i <= last ? 1 : 0)) };
  });
  const batch = makeBatch(rows, inputs.padId, length);
  const { logits } = await model.outputs(await model.encode(batch), {});
  const starts = first.ids.flatMap((id, i) => (id === tokens.start ? [i] : []));
  const windows = rows.flatMap((_, row) =>
    starts.map((at) => logits?.values[row * length + at] ?? Number.NaN),
  );
  const means = starts.map((_, i) => (windows[i]! + windows[starts.length + i]!) / rows.length);
  const expected = { logits: vector(means), window_logits: vector(windows) };
  return { inputs: batch.inputs, expected };
}

/** A question of one token, candidates of one token each, and random ones. @returns with the length of all but these */
function makeWindow(inputs: InputSource, { start, end }: CandidateTokens, length: number, seed: number) {
  const count = Math.min(CANDIDATES, Math.floor((length - 1) / 3));
  const { ids: drawn } = inputs.random(length, seed);
  const other = [0, 1, 2, 3].find((id) => ![start, end, inputs.padId].includes(id)) ?? 0;
  const ids = drawn.map((id) => (id === start || id === end ? other : id));
  for (let i = 0; i < count; i++) ids.splice(1 + 3 * i, 3, start, ids[2 + 3 * i] ?? other, end);
  // Where there is no room for a candidate, one begins that does not end.
  return count === 0 ? { ids: [start, ...ids.slice(1)], prefix: 1 } : { ids, prefix: 1 + 3 * count };
}

function vector(values: readonly number[]): FloatTensor {
  return { dims: [values.length], values: Float32Array.from(values) };
}
