import type { LsgConfig } from "../attention/lsg-config.js";
import type { Op, Value } from "./body.js";
import { type EncoderAttention, encoderHeads } from "./encoder.js";
import { vector } from "./functions/attend.js";
import { lsgAttention } from "./functions/lsg-attention.js";
import { prependedTokens } from "./functions/lsg-inputs.js";
import { WHOLE_MASK } from "./functions/masks.js";
import type { ModelBuilder } from "./model-builder.js";

/** Local, sparse and global attention: one op for all layers, with global tokens before the input. */
export function lsgEncoder(lsg: LsgConfig): EncoderAttention {
  const keys = { prependedTokens: prependedTokens(lsg), maskFirstToken: lsg.mask_first_token };
  const passesOn = lsg.pass_global_tokens_to_decoder ?? false;
  return {
    suffix: "-lsg",
    keys,
    // The first token is hidden from a decoder by the same rule as in the encoder, but only behind global ones.
    outputKeys: passesOn ? keys : WHOLE_MASK,
    choosesGlobals: false,
    blocks: lsg,
    op: (model, seed) =>
      lsgAttention({
        ...encoderHeads(model),
        config: lsg,
        causal: model.isCausal,
        seed,
        relative: model.architecture.encoder.relativeBias,
      }),
    prepend: (builder, tokens) => withGlobals(builder, tokens, lsg),
    ...(!passesOn && { cut: (op, hidden) => withoutGlobals(op, hidden, lsg) }),
  };
}

/** Puts the rows of the global table before the tokens, but not the one that is the first token's own. */
function withGlobals({ op, weights, model }: ModelBuilder, tokens: Value, lsg: LsgConfig): Value {
  if (prependedTokens(lsg) === 0) return tokens;
  const table = weights.table(`${model.architecture.encoder.embeddings.global}.weight`);
  const first = lsg.first_token_is_global ? 1 : 0;
  const rows = op.Unsqueeze(table.rows([first], [lsg.num_global_tokens]), [0]);
  const perRow = op.Expand(rows, vector(op, op.Slice(op.Shape(tokens), [0], [1]), 1, 1));
  return op.Concat(perRow, tokens, { axis: 1 });
}

/** Cuts the prepended tokens off; with `pool_with_global` the first of them stands in for token 0. */
function withoutGlobals(op: Op, hidden: Value, lsg: LsgConfig): Value {
  const end = 2 ** 31 - 1;
  const prepended = prependedTokens(lsg);
  if (lsg.pool_with_global && !lsg.first_token_is_global) {
    const [global, others] = [op.Slice(hidden, [0], [1], [1]), op.Slice(hidden, [prepended + 1], [end], [1])];
    return op.Concat(global, others, { axis: 1 });
  }
  return prepended > 0 ? op.Slice(hidden, [prepended], [end], [1]) : hidden;
}
