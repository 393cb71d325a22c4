import { describeAttention } from "../attention/variants.js";
import { printable } from "../base/printable.js";
import { megabytes } from "../base/progress.js";
import { attentionSentence } from "../report/attention-pattern.js";
import { pad, textWidth } from "../report/text.js";
import { textPattern } from "../report/text-pattern.js";
import type { ChangedTensor, Inspection, TensorGroup, WouldConvert } from "./types.js";

/** Modules in a list; `--tensors` shows everything. */
const MAX_GROUPS = 12;

const INDENT = "  ";

/** An inspection for people. @param allTensors a line for each tensor instead of each module */
export function printInspection(inspection: Inspection, allTensors: boolean): string {
  const { model, revision, architecture, model_type, attention, conversion, drawn } = inspection;
  const kind = architecture ? `${architecture} (${model_type})` : (model_type ?? "no model_type");
  return [
    `${model}${revision ? ` at ${revision}` : ""}: ${kind}`,
    `${INDENT}attention: ${attention === "full" ? "full" : describeAttention(attention)}`,
    `${INDENT}files: ${inspection.files.length}, ${megabytes(inspection.files.reduce((sum, { size }) => sum + size, 0))} MB`,
    ...weights(inspection, allTensors),
    "",
    ...("refused" in conversion ? refusal(conversion) : changes(conversion)),
    ...(drawn
      ? [
          "",
          `${attentionSentence(drawn.attention)} Of ${drawn.length} tokens:`,
          "",
          ...textPattern(drawn.attention, drawn.length).split("\n"),
        ]
      : []),
    "",
  ]
    .map(printable)
    .join("\n");
}

/** Names filled up to the width of the widest. */
function columnOf(named: readonly { readonly name: string }[]): (name: string) => string {
  const width = named.reduce((widest, { name }) => Math.max(widest, textWidth(printable(name))), 0);
  return (name) => pad(printable(name), width);
}

function weights({ tensors, groups, parameters, bytes }: Inspection, all: boolean): string[] {
  if (tensors === null) return [];
  const dtypes = [...new Set(tensors.map(({ dtype }) => dtype))].join(", ");
  const head = `${INDENT}weights: ${millions(parameters)} parameters in ${tensors.length} tensors (${dtypes}), ${megabytes(bytes)} MB`;
  if (all) {
    const column = columnOf(tensors);
    return [
      head,
      ...tensors.map(
        ({ name, dtype, shape }) => `${INDENT}${INDENT}${column(name)}  ${dtype} ${dims(shape)}`,
      ),
    ];
  }
  const largest = [...groups].sort((a, b) => b.bytes - a.bytes);
  const shown = largest.slice(0, MAX_GROUPS);
  const column = columnOf(shown);
  const rest = largest.length - shown.length;
  const line = ({ name, parameters: count, bytes: size, tensors: number }: TensorGroup) =>
    `${INDENT}${INDENT}${column(name)}  ${millions(count).padStart(8)}  ${megabytes(size).padStart(8)} MB  ${number} ${number === 1 ? "tensor" : "tensors"}`;
  return [
    head,
    ...shown.map(line),
    ...(rest > 0 ? [`${INDENT}${INDENT}and ${rest} smaller ones (--tensors shows all)`] : []),
  ];
}

function refusal({ refused, remedy }: Extract<WouldConvert, { refused: string }>): string[] {
  return [`A conversion is not possible: ${refused}`, ...(remedy ? [`${INDENT}${remedy}`] : [])];
}

function changes(conversion: Exclude<WouldConvert, { refused: string }>): string[] {
  const { from, to } = conversion.max_sequence_length;
  const { scores, changed, config, dropped, kept } = conversion;
  return [
    `lsg convert would write ${conversion.architecture}: ${from} → ${to} tokens`,
    `${INDENT}attention: ${describeAttention(conversion.attention)}`,
    `${INDENT}weights: ${megabytes(conversion.bytes)} MB; ${kept} tensors as they are`,
    ...changedLines(changed).map((line) => `${INDENT}${INDENT}${line}`),
    ...dropped.map(({ name, reason }) => `${INDENT}${INDENT}dropped ${name}: ${reason}`),
    `${INDENT}config.json: sets ${Object.keys(config.set).join(", ")}${config.remove.length > 0 ? `; removes ${config.remove.join(", ")}` : ""}`,
    `${INDENT}attention scores of a layer for ${to} tokens: ${megabytes(scores.bytes)} MB, ${megabytes(scores.full_bytes)} MB in full`,
    ...conversion.notes.map((note) => `${INDENT}${note}`),
  ];
}

/** A line for each, one for those that are the same in every layer. */
function changedLines(changed: readonly ChangedTensor[]): string[] {
  const layers = new Map<string, number>();
  for (const { name, shape, from } of changed) {
    const what = from === null ? "new" : String(from) === String(shape) ? "other rows" : `${dims(from)} →`;
    const line = `${name.replace(/\.\d+\./, ".*.")}: ${what} ${dims(shape)}`;
    layers.set(line, (layers.get(line) ?? 0) + 1);
  }
  return [...layers].map(([line, count]) => (count > 1 ? `${line} in ${count} layers` : line));
}

function dims(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

function millions(count: number): string {
  return count < 1e5 ? String(count) : `${(count / 1e6).toFixed(1)} M`;
}
