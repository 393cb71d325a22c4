import { borderOf } from "../../attention/variants.js";
import { counted, formatNumber } from "../../report/numbers.js";
import { type Batch, makeBatch, type Row } from "../../runtime/batch.js";
import type { InputSource } from "../../runtime/input-source.js";
import type { Runnable } from "../../runtime/runnable.js";
import { tokensOf } from "../../runtime/tensors.js";
import type { Reach } from "../attention/attention-proof.js";
import { proofOf } from "../attention/variants.js";
import { judge, type Outcome } from "../check.js";
import { difference } from "./difference.js";
import type { Subject } from "./subject.js";

/**
 * Changes single tokens of a long input and looks which outputs change: in the first layer alone, where it must
 * be those that the blocks say and no others, and in the whole model, where the far end must reach the first
 * token. What the mask hides must change nothing.
 * @param firstLayer the converted model's embeddings and first layer
 */
export async function checkReach(subject: Subject, firstLayer: Runnable): Promise<Outcome> {
  const { converted, attention, inputs, seed, signal } = subject;
  const { layers } = converted.model.sizes;
  const longest = Math.max(...(subject.lengths ?? [converted.longest]));
  if (longest < 2) return { verdict: "skipped", detail: "one token has no other to reach" };
  const causal = converted.model.isCausal;
  const any = inputs.random(longest, seed);
  // Every global token sees everything: one is enough.
  const row: Row = any.globals ? { ...any, globals: any.ids.map((_, i) => (i === 0 ? 1 : 0)) } : any;
  const sees = row.globals?.[0] === 1;
  const proof = proofOf(attention);
  const reach = (token: number): Reach => {
    const own = proof.reachOf(token, longest, causal);
    return { ...own, first: own.first || sees };
  };
  const last = longest - 1;
  const middle = Math.floor(longest / 2);
  const findings: string[] = [];
  let inWindow = "";
  for (const token of new Set([middle, last])) {
    signal?.throwIfAborted();
    if (token === 0) continue;
    const changed = await changedTokens(firstLayer, inputs, row, token);
    if (!changed.has(token)) {
      return { verdict: "skipped", detail: "the model does not tell the tokens apart that were tried" };
    }
    findings.push(...layerFindings(changed, token, reach(token)));
    inWindow = `token ${token} changes ${changed.size} outputs of the first layer, as its block says`;
  }
  signal?.throwIfAborted();
  const change = await movedBy(converted, inputs, row, last);
  const moved = change(causal ? last : 1);
  const hops = reach(last).first || proof.reachesFirst(last, layers);
  if (!causal && longest > 1 && hops && !(moved > 0)) {
    findings.push(`a change of token ${last} does not reach the first token's output`);
  }
  if (causal && moved !== 0) {
    findings.push(`token ${last} changes outputs before it, by ${formatNumber(moved)}`);
  }
  const short = inputs.random(Math.min(longest, 3 * borderOf(attention) + 5), seed);
  const hidden = (await movedBy(converted, inputs, short, short.ids.length - 1, "hidden"))(
    short.ids.length - 1,
  );
  if (hidden !== 0) {
    findings.push(`a token that attention_mask hides changes outputs by ${formatNumber(hidden)}`);
  }
  return judge(
    findings,
    `${longest} tokens: ${inWindow}; through ${converted.model.sizes.layers} layers it ` +
      (causal ? "changes nothing before it" : `moves the first token's output by ${formatNumber(moved)}`) +
      "; hidden tokens move nothing",
    `${counted(findings.length, "change")} that attention does not explain`,
    "The attention of the result is not what its config says.",
  );
}

/** The tokens whose outputs change when one token does. */
async function changedTokens(
  runnable: Runnable,
  inputs: InputSource,
  row: Row,
  token: number,
): Promise<Set<number>> {
  const run = (one: Row) => runnable.encode(makeBatch([one], inputs.padId));
  const { hidden: before } = await run(row);
  const { hidden: after } = await run(withOther(row, token, inputs));
  const width = before.dims[2] ?? 0;
  const changed = new Set<number>();
  before.values.forEach((value, i) => {
    if (value !== after.values[i]) changed.add(Math.floor(i / width));
  });
  return changed;
}

function layerFindings(
  changed: ReadonlySet<number>,
  token: number,
  { local, sparse, first }: Reach,
): string[] {
  const findings: string[] = [];
  const beyond = [...changed].filter((i) => (i < sparse.start || i >= sparse.end) && !(i === 0 && first));
  if (beyond.length > 0) {
    findings.push(
      `first layer: token ${token} changes ${beyond.length} outputs beyond its reach (tokens ${sparse.start} to ${sparse.end - 1}), the first of them token ${beyond[0]}`,
    );
  }
  // A weight in a trained softmax can round to nothing, so single tokens may stay as they are, borders may not.
  const seen = [...changed].filter((i) => i >= local.start && i < local.end);
  const missed = local.end - local.start - seen.length;
  if (missed > (local.end - local.start) / 2) {
    findings.push(
      `first layer: token ${token} changes ${seen.length} of the ${local.end - local.start} outputs that attend to it`,
    );
  }
  if (first && !changed.has(0))
    findings.push(`first layer: token ${token} does not reach the first token, which sees everything`);
  return findings;
}

/**
 * Changes one token, seen or hidden by the mask.
 * @returns how much the outputs of the first so many tokens move by it, at most
 */
async function movedBy(
  converted: Runnable,
  inputs: InputSource,
  row: Row,
  token: number,
  state: "seen" | "hidden" = "seen",
): Promise<(tokens: number) => number> {
  const run = async (one: Row) => {
    const batch = makeBatch([one], inputs.padId);
    return (await converted.encode(state === "seen" ? batch : withHidden(batch, token))).hidden;
  };
  const [before, after] = [await run(row), await run(withOther(row, token, inputs))];
  return (tokens) => difference(tokensOf(before, 0, 0, tokens), tokensOf(after, 0, 0, tokens)).largest;
}

function withHidden(batch: Batch, token: number): Batch {
  const { attention_mask: mask } = batch.inputs;
  if (!mask) return batch;
  const values = Array.from(mask.values, (visible, i) => (i === token ? 0 : visible));
  return { ...batch, inputs: { ...batch.inputs, attention_mask: { ...mask, values } } };
}

/** The row with another token in one place. */
function withOther(row: Row, token: number, inputs: InputSource): Row {
  const old = row.ids[token] ?? 0;
  const replacement = inputs.random(3, token + 1).ids.find((id) => id !== old) ?? old;
  return { ...row, ids: row.ids.with(token, replacement) };
}
