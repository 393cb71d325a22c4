import { notYetWritten } from "../../architectures/earlier-modeling.js";
import type { Checkpoint } from "../../checkpoint/checkpoint.js";
import type { CheckpointTensor } from "../../checkpoint/weight-file.js";
import type { WeightReader } from "../../checkpoint/weight-reader.js";
import type { ConversionPlan, PlannedTensor } from "../../plan/types.js";
import { counted, formatNumber } from "../../report/numbers.js";
import { tensorBytes } from "../../safetensors/header.js";
import { tensorPieces } from "../../write/shard-writer.js";
import { judge, type Outcome } from "../check.js";
import { tensorDifference } from "./tensor-difference.js";
import { TRAINED_IN_PLACE } from "./trained-in-place.js";

/** Rows that a finding lists. */
const MAX_ROWS = 5;

export interface WeightSides {
  readonly plan: ConversionPlan;
  readonly original: WeightReader;
  readonly converted: WeightReader;
  readonly checkpoint: Checkpoint;
}

/**
 * Compares every byte of every tensor with what the plan makes of the original: a bias of keys, say, changes
 * outputs by less than rounding, and no other look would see it gone.
 */
export async function checkWeights(sides: WeightSides, signal?: AbortSignal): Promise<Outcome> {
  const { plan, checkpoint } = sides;
  const planned = new Map(plan.shards.flatMap(({ tensors }) => [...tensors]));
  const findings = fileFindings(plan, checkpoint);
  let bytes = 0;
  for (const [name, tensor] of planned) {
    signal?.throwIfAborted();
    const found = checkpoint.tensors.get(name);
    const finding = found ? await compareTensor(name, tensor, found, sides) : `${name} is missing`;
    if (finding !== undefined) findings.push(finding);
    bytes += tensorBytes(tensor.dtype, tensor.shape) ?? 0;
  }
  return judge(
    findings,
    `${planned.size} tensors, ${(bytes / 1e6).toFixed(1)} MB, byte for byte as planned`,
    `${counted(findings.length, "difference")} from the plan in ${planned.size} tensors`,
    `Convert the original again. ${TRAINED_IN_PLACE}`,
  );
}

function fileFindings({ shards, record }: ConversionPlan, { weightFiles }: Checkpoint): string[] {
  const findings: string[] = [];
  const leftOut = notYetWritten(record.lsg_version)?.metadata ?? [];
  for (const { file, metadata, tensors } of shards) {
    const found = weightFiles.find(({ path }) => path === file);
    if (!found) {
      findings.push(`${file} is not among the weight files that loaders open`);
      continue;
    }
    // Loaders read whole files: a second copy may win over the one that an index names.
    for (const name of found.tensorNames) {
      if (!tensors.has(name)) findings.push(`${file} holds ${name}, which is not planned there`);
    }
    const isNeeded = ([key]: [string, string]) => !leftOut.includes(key) || found.metadata?.has(key);
    const [planned, actual] = [[...(metadata ?? [])].filter(isNeeded), found.metadata ?? []].map((entries) =>
      JSON.stringify(Object.fromEntries([...entries].sort())),
    );
    if (planned !== actual) findings.push(`${file}: __metadata__ is ${actual}, expected ${planned}`);
  }
  return findings;
}

async function compareTensor(
  name: string,
  planned: PlannedTensor,
  found: CheckpointTensor,
  { original, converted }: WeightSides,
): Promise<string | undefined> {
  const kind = ({ dtype, shape }: { dtype: string; shape: readonly number[] }) => `${dtype} [${shape}]`;
  if (kind(planned) !== kind(found)) return `${name} is ${kind(found)}, expected ${kind(planned)}`;
  if (found.strides) return `${name} lies in ${found.file}, expected a safetensors file`;
  const { rows, largest } = await tensorDifference(
    tensorPieces(planned, original),
    converted.locate({ tensor: name, start: 0, count: planned.shape[0] ?? 1, step: 1 }),
    planned,
  );
  if (rows.length === 0) return undefined;
  const unit = planned.shape.length > 1 ? "rows" : "values";
  const listed = rows.slice(0, MAX_ROWS).join(", ") + (rows.length > MAX_ROWS ? ", …" : "");
  return (
    `${name}: ${rows.length} of ${planned.shape[0] ?? 1} ${unit} (${listed}) are not as planned; ` +
    `largest difference ${formatNumber(largest)}`
  );
}
