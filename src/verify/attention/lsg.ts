import { effectiveSparsity, isSparse, type LsgConfig } from "../../attention/lsg-config.js";
import type { OnnxFunction } from "../../onnx/body.js";
import { attentionFunction } from "../../onnx/context.js";
import { prependedTokens } from "../../onnx/functions/lsg-inputs.js";
import { opOnlyModel } from "../../onnx/op-only.js";
import { modelBytes } from "../../onnx/writer.js";
import type { ConversionRecord } from "../../plan/types.js";
import { sweepLengths } from "../../runtime/lengths.js";
import { running } from "../../runtime/runnable.js";
import type { Session } from "../../runtime/session.js";
import type { Outcome } from "../attempt.js";
import { lsgAttentionByDefinition } from "../definition/lsg.js";
import type { AttentionProof, Reach, Span } from "./attention-proof.js";
import { judgeOp, type OpCheck, type OpError, opTolerance, relativeError } from "./check-op.js";
import { attentionProblem, type ProblemSize, type RandomProblem } from "./problem.js";

async function checkOp(attention: OnnxFunction, check: OpCheck, lsg: LsgConfig): Promise<Outcome> {
  const { host, device, model, longest, lengths: asked, seed, signal } = check;
  const heads = { numHeads: model.sizes.heads, headDim: model.sizes.hidden / model.sizes.heads };
  const prepended = prependedTokens(lsg);
  const { relativeBias: relative } = model.architecture.encoder;
  const graph = opOnlyModel({
    ...heads,
    attention,
    prependedTokens: prepended,
    maskFirstToken: lsg.mask_first_token,
    biased: relative && { relative, config: lsg, causal: model.config.is_decoder === true },
    dtype: "F32",
  });
  const session = await running("the attention op cannot be loaded", async () =>
    host.open(await modelBytes(graph), { device }),
  );
  const found: OpError[] = [];
  try {
    for (const length of sweepLengths(check.attention, longest, asked)) {
      signal?.throwIfAborted();
      const size = { ...heads, prepended, length, blockSize: lsg.block_size, relative, seed: seed + length };
      let error = await errorAt(session, size, lsg, check);
      // Keys that are picked by hashing may be picked otherwise where float32 cannot tell; not twice in a row.
      if (error > opTolerance(device) && effectiveSparsity(lsg) === "lsh")
        error = await errorAt(session, { ...size, seed: size.seed + 1 }, lsg, check);
      found.push({ length, error });
    }
  } finally {
    await session.close();
  }
  return judgeOp(found, device);
}

async function errorAt(
  session: Session,
  size: ProblemSize,
  lsg: LsgConfig,
  { model, lshSeed }: OpCheck,
): Promise<number> {
  const problem = attentionProblem(size);
  const causal = model.config.is_decoder === true;
  const expected = lsgAttentionByDefinition(problem, { config: lsg, causal, seed: lshSeed });
  return relativeError(await runOp(session, problem, size.length), expected);
}

async function runOp(session: Session, problem: RandomProblem, length: number): Promise<Float32Array> {
  const { batch, numHeads, headDim, query, key, value, mask, table } = problem;
  const width = numHeads * headDim;
  const floats = (values: ArrayLike<number>) => {
    return { dims: [batch, values.length / batch / width, width], values, dtype: "float32" } as const;
  };
  const results = await running(`the attention op does not run at ${length} tokens`, () =>
    session.run({
      query: floats(query),
      key: floats(key),
      value: floats(value),
      attention_mask: { dims: [batch, length], values: mask, dtype: "int64" },
      ...(table && {
        relative_attention_bias: {
          dims: [table.length / numHeads, numHeads],
          values: table,
          dtype: "float32",
        } as const,
      }),
    }),
  );
  return results.context?.values ?? new Float32Array(0);
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
    encoderOps: ({ model, lshSeed }) => [attentionFunction(model, { lsg, seed: lshSeed })],
    checkOp: (op, check) => checkOp(op, check, lsg),
    reachOf: (...changed) => reachOf(lsg, ...changed),
    reachesFirst: (_, layers) => layers > 1,
    askedOf: (record) => askedOf(record, lsg),
    unrecordedLengths: (usable, keptRows) => (keptRows === "none" ? [] : [usable, 0]),
    ignoredKey: undefined,
  };
}
