import { describeAttention } from "../attention/variants.js";
import { printable } from "../base/printable.js";
import { megabytes } from "../base/progress.js";
import { totalBytes } from "./shards.js";
import type { ConversionPlan } from "./types.js";

/** A plan as `--dry-run` prints it, which others rely on: maps as objects, without what only writer and verifier ask for. */
export function planToJson({ length: _, generates: __, ...plan }: ConversionPlan): unknown {
  const printed = {
    ...plan,
    config: { set: plan.config.set, remove: plan.config.remove },
    shards: plan.shards.map(({ copyOf: _, ...shard }) => shard),
    sideFiles: plan.sideFiles.map((file) => {
      if (file.kind !== "edit") return file;
      const { tokens, ...edit } = file;
      return { ...edit, ...(tokens && { addsTokens: true }) };
    }),
  };
  return JSON.parse(
    JSON.stringify(printed, (_, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    ),
  );
}

/** What was done, in a few lines for people. */
export function summarise(output: string, plan: ConversionPlan, dryRun: boolean): string {
  const { record, shards, dropped, sideFiles, notes } = plan;
  const { from, to } = record.max_sequence_length;
  const size = megabytes(totalBytes(shards));
  const lengths = sideFiles
    .filter((file) => file.kind === "edit" && file.edits.length > 0)
    .map(({ path }) => path);
  return [
    `${dryRun ? "Would convert" : "Converted"} ${record.source.model} (${record.architecture}): ${from} → ${to} tokens`,
    `  ${dryRun ? "to" : "in"} ${output}: ${shards.length} weight file${shards.length > 1 ? "s" : ""}, ${size} MB, ${sideFiles.length + 1} other files`,
    `  attention: ${describeAttention(plan.attention)}`,
    ...(lengths.length > 0 ? [`  length also ${to < from ? "set" : "raised"} in ${lengths.join(", ")}`] : []),
    ...dropped.map(({ name, reason }) => `  dropped ${name}: ${reason}`),
    ...notes.map((note) => `  ${note}`),
    "",
  ]
    .map(printable)
    .join("\n");
}
