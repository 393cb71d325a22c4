import type { Architecture } from "../architectures/architecture.js";
import {
  dilationText,
  isLongformer,
  type LongformerConfig,
  readLongformer,
} from "../attention/longformer.js";
import { readLsgConfig } from "../attention/lsg.js";
import { isSparse, type LsgConfig } from "../attention/lsg-config.js";
import type { PlannedAttention } from "../attention/planned.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { Sizes } from "./tensor-specs.js";

/** A checkpoint's attention, as its config says; undefined for full attention. */
export function attentionOf({
  architecture,
  config,
  isLsg,
  sizes,
}: {
  readonly architecture: Architecture;
  readonly config: Config;
  readonly isLsg: boolean;
  readonly sizes: Sizes;
}): PlannedAttention | undefined {
  if (isLsg) return { kind: "lsg", config: readLsgConfig(config, architecture) };
  if (!isLongformer(architecture)) return undefined;
  return { kind: "longformer", config: readLongformer(config, sizes) };
}

/** Attention in a few words. */
export function describeAttention({ kind, config }: PlannedAttention): string {
  return kind === "lsg" ? describeLsg(config) : describeLongformer(config);
}

function describeLongformer({
  attention_window: window,
  attention_dilation: dilation,
}: LongformerConfig): string {
  const widths = [...new Set(window)];
  const gaps = dilation ? `, dilated by ${dilationText(dilation)}` : "";
  return `windows of ${widths.length === 1 ? widths[0] : window.join(", ")}${gaps}`;
}

function describeLsg(lsg: LsgConfig): string {
  const globals = lsg.num_global_tokens === 1 ? "1 global token" : `${lsg.num_global_tokens} global tokens`;
  const sparse = isSparse(lsg)
    ? `${lsg.sparse_block_size} sparse keys a side (${lsg.sparsity_type}, factor ${lsg.sparsity_factor})`
    : "no sparse part";
  const own = lsg.first_token_is_global ? ", the first of them each input's own first token" : "";
  return `blocks of ${lsg.block_size}, ${sparse}, ${globals}${lsg.num_global_tokens === 1 && own ? ": each input's own first token" : own}`;
}
