import { megabytes } from "../progress.js";
import type { LongformerConfig } from "../variants/longformer.js";
import { isSparse, type LsgConfig } from "../variants/lsg-config.js";
import { shardBytes } from "./shards.js";
import type { ConversionPlan } from "./types.js";
import type { PlannedAttention } from "./weights.js";

/** A plan as JSON has it: maps as objects. */
export function planToJson(plan: ConversionPlan): unknown {
  return JSON.parse(
    JSON.stringify(plan, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value)),
  );
}

/** What was done, in a few lines for people. */
export function summarise(output: string, plan: ConversionPlan, dryRun: boolean): string {
  const { record, shards, dropped, sideFiles, omitted, notes } = plan;
  const { from, to } = record.max_sequence_length;
  const size = megabytes(shards.reduce((sum, shard) => sum + shardBytes(shard), 0));
  const lengths = sideFiles.filter(({ kind }) => kind === "edit").map(({ path }) => path);
  return [
    `${dryRun ? "Would convert" : "Converted"} ${record.source.model} (${record.architecture}): ${from} → ${to} tokens`,
    `  ${dryRun ? "to" : "in"} ${output}: ${shards.length} weight file${shards.length > 1 ? "s" : ""}, ${size} MB, ${sideFiles.length + 1} other files`,
    `  attention: ${describeAttention(plan.attention)}`,
    ...(lengths.length > 0 ? [`  length also raised in ${lengths.join(", ")}`] : []),
    ...dropped.map(({ name, reason }) => `  dropped ${name}: ${reason}`),
    ...omitted.map(({ path, reason }) => `  left out ${path}: ${reason}`),
    ...notes.map((note) => `  ${note}`),
    "",
  ].join("\n");
}

/** The result's attention in a few words. */
export function describeAttention(attention: PlannedAttention): string {
  return attention.kind === "lsg" ? describeLsg(attention.config) : describeLongformer(attention.config);
}

function describeLongformer({
  attention_window: window,
  attention_dilation: dilation,
}: LongformerConfig): string {
  const widths = [...new Set(window)];
  const gaps = dilation ? `, dilated by ${dilation.join(", ")}` : "";
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
