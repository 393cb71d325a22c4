import { isRecord } from "../json/json-edit.js";
import type { Model } from "../model/model.js";
import type { LabelScore } from "./types.js";

/** The names of labels by their number, as transformers names those that have none. @param count rows of the head */
export function labelNames({ config: { id2label } }: Pick<Model, "config">, count: number): string[] {
  const names = isRecord(id2label) ? id2label : {};
  return Array.from({ length: count }, (_, i) => String(names[String(i)] ?? `LABEL_${i}`));
}

/** How scores are made of logits. */
export type Activation = "softmax" | "sigmoid" | "none";

/** As transformers' pipeline chooses: by `problem_type`, else by how many labels there are. */
export function activationOf({ config }: Pick<Model, "config">, labels: number): Activation {
  switch (config.problem_type) {
    case "regression":
      return "none";
    case "multi_label_classification":
      return "sigmoid";
    case "single_label_classification":
      return "softmax";
    default:
      return labels === 1 ? "sigmoid" : "softmax";
  }
}

export function activate(logits: Float32Array, activation: Activation): Float64Array {
  const values = Float64Array.from(logits);
  switch (activation) {
    case "none":
      return values;
    case "sigmoid":
      return values.map((value) => 1 / (1 + Math.exp(-value)));
    case "softmax":
      return softmax(values);
  }
}

/** Probabilities of numbers, in float64. */
export function softmax(values: ArrayLike<number>): Float64Array {
  const numbers = Float64Array.from(values);
  const largest = numbers.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = numbers.map((value) => Math.exp(value - largest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** Labels with their scores, the highest first. @param logits one for each label */
export function classesOf(
  logits: Float32Array,
  labels: readonly string[],
  activation: Activation,
): LabelScore[] {
  const scores = activate(logits, activation);
  return labels.map((label, i) => ({ label, score: scores[i] ?? 0 })).sort((a, b) => b.score - a.score);
}
