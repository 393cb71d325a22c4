import { type FirstTokenUse, mayRepeatFirst, mergeOf, type WindowsConfig } from "../attention/windows.js";
import type { Value } from "./body.js";
import {
  type Attend,
  type EncoderAttention,
  type EncoderInputs,
  encoderHeads,
  type Reading,
  relativeBias,
} from "./encoder.js";
import { fullEncoder } from "./full.js";
import { sizeOf } from "./functions/attend.js";
import { HIDDEN } from "./functions/masks.js";
import { readerAttention } from "./functions/reader-attention.js";
import type { ModelBuilder } from "./model-builder.js";
import { decoderId } from "./pair.js";
import { fixedTokens } from "./windows/fixed-tokens.js";
import { planWindows, type WindowPlan } from "./windows/plan.js";
import { spansOf } from "./windows/spans.js";
import { stitching } from "./windows/stitching.js";

/** The source's layers over windows of each row; what tokens give is put together again. */
export function windowsEncoder(config: WindowsConfig): EncoderAttention {
  const full = fullEncoder({});
  return {
    ...full,
    suffix: "-windows",
    read: (builder, inputs, use) =>
      builder.graph.scope("windows", () => readInWindows(builder, inputs, config, use)),
  };
}

function readInWindows(
  builder: ModelBuilder,
  inputs: EncoderInputs,
  config: WindowsConfig,
  use: FirstTokenUse,
): Reading {
  const { op } = builder;
  const merge = mergeOf(config, use);
  const spans = spansOf(op, inputs.attentionMask, config);
  const plan = planWindows(op, inputs.attentionMask, spans, fixedTokens(op, inputs, spans, config), config);
  const windows = windowInputs(builder, inputs, plan);
  // Heads of tokens read the mean of what windows make of a first token; one that none repeats is like any other.
  const repeats = mayRepeatFirst(config, inputs.tokenTypeIds !== undefined);
  const ofHeads = repeats ? merge : "own";
  const ofTokens = !repeats ? "own" : use === "state" && merge === "reader" ? merge : "mean";
  const full = fullEncoder({});
  return {
    inputs: windows,
    encoder: ofHeads === "reader" ? withReaders(full, windows, plan, config) : full,
    ...stitching(builder, plan, { ofTokens, ofHeads }, merge),
  };
}

/** Ids, types and mask of the windows. What fills them up is hidden, and to a decoder it is padding. */
function windowInputs(builder: ModelBuilder, inputs: EncoderInputs, plan: WindowPlan): EncoderInputs {
  const { graph, op, model } = builder;
  const { inputIds, attentionMask, tokenTypeIds } = inputs;
  const shaped = (x: Value) => graph.shaped(x, "I64", ["windows", "places"]);
  const gathered = (x: Value) => op.Gather(op.Reshape(x, [-1]), plan.gather);
  const { decoder } = model.architecture;
  const ids = gathered(inputIds);
  const padding = decoder && decoderId(model.config, decoder.ids.pad);
  return {
    inputIds: shaped(padding === undefined ? ids : op.Where(plan.isFilled, ids, padding)),
    attentionMask: shaped(op.Where(plan.isFilled, gathered(attentionMask), 0)),
    tokenTypeIds: tokenTypeIds && shaped(gathered(tokenTypeIds)),
  };
}

/**
 * The encoder with a reader for each row, behind all windows: (1, windows · places + readers, hidden). A reader begins as
 * the first token of the row's first window and passes through the same layers. Where no row has a second window there
 * are none, and layers compute what the source's do.
 */
function withReaders(
  full: EncoderAttention,
  { attentionMask }: EncoderInputs,
  plan: WindowPlan,
  config: WindowsConfig,
): EncoderAttention {
  return {
    ...full,
    beside: ({ op, model }, tokens) => {
      const inOne = op.Reshape(tokens, [1, -1, model.sizes.hidden]);
      const [withReaders] = op.If(
        op.Greater(sizeOf(op, plan.ofRow, 1), 1),
        () => [op.Concat(inOne, op.Gather(inOne, op.Mul(plan.base, plan.size), { axis: 1 }), { axis: 1 })],
        () => [inOne],
      );
      return withReaders;
    },
    layers: (builder, { bias }): Attend => {
      const { graph, op, model } = builder;
      const relative = model.architecture.encoder.relativeBias;
      const attention = readerAttention({ ...encoderHeads(model), relative });
      const more = [...relativeBias(builder, full, bias), ...graph.scope("reader", () => readerInputs())];
      return (_, { query, key, value }) => op.call(attention, query, key, value, bias, ...more);

      function readerInputs(): Value[] {
        const perWindow = (x: Value) => op.Unsqueeze(op.Gather(x, plan.row), [1]);
        const log = (x: Value) => op.Log(op.Cast(x, { to: "F32" }));
        const here = op.Reshape(op.Range(0, plan.total, 1), op.Shape(plan.gather));
        const isOwner = op.Equal(op.Gather(op.Reshape(plan.index, [-1]), plan.gather), here);
        const float = (x: number) => op.constant("F32", [x], []);
        const ofContent = op.Where(isOwner, float(0), float(HIDDEN));
        const weight = op.Where(plan.isFixed, op.Neg(perWindow(log(plan.counts))), ofContent);
        const isLater = op.Greater(op.Range(0, plan.size, 1), 0);
        const isRead = op.And(op.Not(op.Equal(attentionMask, 0)), isLater);
        const longest = float(Math.log(config.window_size));
        return [
          plan.ofRow,
          plan.place,
          op.Where(isRead, weight, float(HIDDEN)),
          op.Max(op.Div(log(plan.count), longest), float(1)),
        ];
      }
    },
  };
}
