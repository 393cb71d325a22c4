import { firstTokenUse, mayRepeatFirst, mergeOf, type WindowsConfig } from "../../attention/windows.js";
import type { Model } from "../../model/model.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { encoderHeads } from "../../onnx/encoder.js";
import { fullEncoder } from "../../onnx/full.js";
import { readerAttention } from "../../onnx/functions/reader-attention.js";
import { encoderOpModel } from "../../onnx/op-only.js";
import type { ConversionRecord } from "../../plan/types.js";
import type { Outcome } from "../check.js";
import { fullAttentionByDefinition } from "../definition/full.js";
import { planByDefinition } from "../definition/windows.js";
import type { Subject } from "../model/subject.js";
import type { AttentionProof, MakeBatch, Reach } from "./attention-proof.js";
import { errorOf, floats, judgeOp, type OpCheck } from "./check-op.js";
import { checkPlan } from "./check-plan.js";
import { checkReaderOp } from "./check-reader-op.js";
import { compareByHand } from "./compare-by-hand.js";
import { hostileRows, placedBatch } from "./hostile-rows.js";
import { attentionProblem } from "./problem.js";

/** Full attention, with a reader beside the windows where one stands for the first token. */
function encoderOps(model: Model, config: WindowsConfig): OnnxFunction[] {
  const { architecture, source } = model;
  const merge = mergeOf(config, firstTokenUse(architecture, source.head));
  if (merge !== "reader" || !mayRepeatFirst(config, model.readsTokenTypes))
    return [fullEncoder({}).op(model, 0)];
  return [readerAttention({ ...encoderHeads(model), relative: architecture.encoder.relativeBias })];
}

async function checkOp(op: OnnxFunction, check: OpCheck, config: WindowsConfig): Promise<Outcome> {
  const { model, seed } = check;
  const { window_size: size } = config;
  if (op.proto.input.includes("reader_scale")) return checkReaderOp(op, check, size);
  const relative = model.architecture.encoder.relativeBias;
  const graph = encoderOpModel(op, model, fullEncoder({}));
  const cases = [1, Math.ceil(size / 3), size - 1, size];
  return judgeOp({ what: "the attention op", graph, cases }, check, async (session, length) => {
    const heads = encoderHeads(model);
    const problem = attentionProblem({
      ...heads,
      ...{ prepended: 0, length, blockSize: size, relative, seed: seed + length },
    });
    const { query, key, value, mask, table = [] } = problem;
    const dims = [problem.batch, length, heads.numHeads * heads.headDim];
    const inputs = {
      query: floats(query, dims),
      key: floats(key, dims),
      value: floats(value, dims),
      attention_mask: { dims: [problem.batch, length], values: mask, dtype: "int64" },
      relative_attention_bias: floats(table, [table.length / heads.numHeads, heads.numHeads]),
    } as const;
    const expected = fullAttentionByDefinition(problem, false);
    const what = `the attention op does not run at ${length} tokens`;
    return { length, error: await errorOf(session, what, inputs, expected) };
  });
}

/** A single text, of which the changed token is in some windows: what is read from these changes, and the first token. */
function reachOf(config: WindowsConfig, token: number, length: number): Reach {
  const { fixed, windows, owners } = planByDefinition({ mask: new Array<number>(length).fill(1) }, config);
  const changed = owners.flatMap(({ window }, i) => (windows[window]?.includes(token) ? [i] : []));
  const content = changed.filter((i) => i >= fixed.head && i < length - fixed.tail);
  const span = (tokens: readonly number[]) => ({
    start: tokens[0] ?? token,
    end: (tokens.at(-1) ?? token) + 1,
  });
  // What every window repeats is read from the first and the last of them.
  return { local: span(content), sparse: span(changed), first: fixed.head > 0 };
}

/** Without the row that has no token, of which nothing is defined. */
function batchesOf(
  { converted: { model }, inputs }: Pick<Subject, "converted" | "inputs">,
  config: WindowsConfig,
): MakeBatch {
  return (length, seed, index) => {
    const rows = hostileRows(inputs.random, config, { length, seed, index, typed: model.readsTokenTypes });
    const seen = rows.filter(({ tokens }) => tokens.ids.length > 0);
    return placedBatch(seen, length, inputs.padId);
  };
}

/** What was asked for; a window is as long as the source's inputs. */
function askedOf({ options, max_sequence_length: length }: ConversionRecord) {
  const { window_overlap: overlap, merge } = options;
  return {
    window_size: length.from,
    ...(overlap !== undefined && { window_overlap: overlap }),
    ...(merge !== undefined && { window_merge: merge }),
  };
}

/** Windows of full attention, and what reads a row through all of them, against their definition. */
export function windowsProof(config: WindowsConfig): AttentionProof {
  return {
    encoderOps: ({ model }) => encoderOps(model, config),
    checkOp: (op, check) => checkOp(op, check, config),
    checkPlan: (check) => checkPlan(check, config),
    checkLong: (subject, check) => compareByHand(subject, check, config),
    hostileRows: (subject) => batchesOf(subject, config),
    separators: config.window_separator,
    reachOf: (token, length) => reachOf(config, token, length),
    // Of all windows; further layers see no more than the first.
    reachesFirst: () => config.window_head > 0,
    askedOf,
    unrecordedLengths: () => [],
    ignoredKey: undefined,
  };
}
