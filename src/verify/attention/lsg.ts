import { effectiveSparsity, isSparse, type LsgConfig } from "../../attention/lsg-config.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { encoderHeads } from "../../onnx/encoder.js";
import { prependedTokens } from "../../onnx/functions/lsg-inputs.js";
import { encoderOpModel } from "../../onnx/op-only.js";
import { encoderAttention } from "../../onnx/variants.js";
import type { ConversionRecord } from "../../plan/types.js";
import { sweepLengths } from "../../runtime/lengths.js";
import type { Session } from "../../runtime/session.js";
import type { Outcome } from "../check.js";
import { lsgAttentionByDefinition } from "../definition/lsg.js";
import type { AttentionProof, Reach, Span } from "./attention-proof.js";
import { errorOf, floats, judgeOp, type OpCheck, opTolerance } from "./check-op.js";
import { attentionProblem, type ProblemSize } from "./problem.js";

async function checkOp(op: OnnxFunction, check: OpCheck, lsg: LsgConfig): Promise<Outcome> {
  const { attention, device, model, longest, lengths, seed } = check;
  const { relativeBias: relative } = model.architecture.encoder;
  const graph = encoderOpModel(op, model, encoderAttention(attention));
  const heads = { ...encoderHeads(model), prepended: prependedTokens(lsg) };
  const cases = sweepLengths(attention, longest, lengths);
  return judgeOp({ what: "the attention op", graph, cases }, check, async (session, length) => {
    const size = { ...heads, length, blockSize: lsg.block_size, relative, seed: seed + length };
    const error = await errorAt(session, size, lsg, check);
    // Keys that are picked by hashing may be picked otherwise where float32 cannot tell; not twice in a row.
    const isUnsure = error > opTolerance(device) && effectiveSparsity(lsg) === "lsh";
    return {
      length,
      error: isUnsure ? await errorAt(session, { ...size, seed: size.seed + 1 }, lsg, check) : error,
    };
  });
}

async function errorAt(
  session: Session,
  size: ProblemSize,
  lsg: LsgConfig,
  { model, lshSeed }: OpCheck,
): Promise<number> {
  const problem = attentionProblem(size);
  const { batch, numHeads, headDim, query, key, value, mask, table = [] } = problem;
  const dims = [batch, size.prepended + size.length, numHeads * headDim];
  const inputs = {
    query: floats(query, dims),
    key: floats(key, dims),
    value: floats(value, dims),
    attention_mask: { dims: [batch, size.length], values: mask, dtype: "int64" },
    relative_attention_bias: floats(table, [table.length / numHeads, numHeads]),
  } as const;
  const expected = lsgAttentionByDefinition(problem, { config: lsg, causal: model.isCausal, seed: lshSeed });
  return errorOf(session, `the attention op does not run at ${size.length} tokens`, inputs, expected);
}

function reachOf(lsg: LsgConfig, token: number, length: number, causal: boolean): Reach {
  const { block_size: size, sparse_block_size, sparsity_factor } = lsg;
  const block = Math.floor(token / size);
  const reach = isSparse(lsg) ? Math.ceil((sparse_block_size * sparsity_factor) / size) : 0;
  const span = (distance: number): Span => ({
    start: causal ? token : Math.max(0, (block - distance) * size),
    end: Math.min(length, (block + distance + 1) * size),
  });
  const whole = { start: causal ? token : 0, end: length };
  // A global token that is passed on to a decoder stands in for no other.
  const pooled = lsg.pool_with_global && !lsg.pass_global_tokens_to_decoder;
  const first = !causal && (lsg.first_token_is_global || pooled);
  if (length <= 2 * size) return { local: whole, sparse: whole, first };
  return { local: span(1), sparse: span(1 + reach), first };
}

/** Without pooling nothing would stand in the place of a token that is hidden: the flag is overruled then. */
function askedOf({ options }: ConversionRecord, lsg: LsgConfig): Readonly<Record<string, unknown>> {
  return { ...options.lsg, ...(lsg.mask_first_token && { pool_with_global: true }) };
}

/** Blocks, sparse keys and global tokens, against the definition of LSG attention. */
export function lsgProof(lsg: LsgConfig): AttentionProof {
  return {
    encoderOps: ({ model, lshSeed }) => [encoderAttention({ kind: "lsg", config: lsg }).op(model, lshSeed)],
    checkOp: (op, check) => checkOp(op, check, lsg),
    reachOf: (...changed) => reachOf(lsg, ...changed),
    reachesFirst: (_, layers) => layers > 1,
    askedOf: (record) => askedOf(record, lsg),
    unrecordedLengths: (maxLength, keptRows) => (keptRows === "none" ? [] : [maxLength, 0]),
    separators: [],
    ignoredKey: undefined,
  };
}
