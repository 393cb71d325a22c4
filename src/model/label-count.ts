import type { Head, Module } from "../architectures/architecture.js";
import { taskOf } from "../architectures/tasks.js";
import { CheckpointError } from "../base/errors.js";
import { type Checkpoint, CONFIG_FILE, type Config, type Settled } from "../checkpoint/checkpoint.js";
import { isRecord } from "../json/json-edit.js";
import { configLabels } from "./tensor-specs.js";

/** What transformers calls a label that has no name. */
const PLACEHOLDER = /^LABEL_\d+$/;

/**
 * What a config says of labels, held against the rows of the head that gives them: transformers counts `id2label`,
 * which often keeps its two placeholders while the head has as many rows as there were classes.
 * @returns the keys that follow the weights, with the sentence to say so; undefined where both agree
 * @throws CheckpointError where labels have names of their own
 */
export function labelsByWeights({ config, tensors }: Checkpoint, head: Head): Settled | undefined {
  const name = labelModules(head)
    .map((module) => `${module.name}.weight`)
    .find((weight) => tensors.has(weight));
  const stored = tensors.get(name ?? "");
  const rows = stored?.shape[0];
  const counted = configLabels(config);
  if (rows === undefined || rows === counted) return undefined;
  const names = ownNames(config);
  if (names.length > 0) {
    throw new CheckpointError(
      `${CONFIG_FILE}: id2label names ${counted} labels (${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}), ` +
        `and tensor "${name}" in ${stored?.file} has ${rows} rows`,
      `Name ${rows} labels in id2label and label2id; or remove both keys, and the labels become LABEL_0 to LABEL_${rows - 1}.`,
    );
  }
  const counts = ["num_labels", "_num_labels"].filter((key) => key in config);
  return {
    changes: new Map<string, unknown>([
      ...Object.entries(labelNames(rows)),
      ...counts.map((key) => [key, rows] as const),
    ]),
    note:
      `${CONFIG_FILE} has ${counted} labels without names, the weights have ${rows}: ` +
      `the labels are LABEL_0 to LABEL_${rows - 1}.`,
  };
}

/** transformers' names for labels that have none. */
export function labelNames(count: number): Record<string, unknown> {
  const names = Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  return {
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/** Modules whose output is one number for each label. */
function labelModules(head: Head): Module[] {
  // Where the class decides how many there are, the config's have no say.
  if (taskOf(head).labels !== undefined) return [];
  return Object.values(head.outputs)
    .flatMap(({ chain }) => chain)
    .filter((step): step is Module => typeof step !== "string" && step.out === "labels");
}

function ownNames({ id2label }: Config): unknown[] {
  const names = isRecord(id2label) ? Object.values(id2label) : [];
  return names.some((name) => typeof name !== "string" || !PLACEHOLDER.test(name)) ? names : [];
}
