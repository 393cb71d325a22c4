import type { Head, HeadOutput } from "../architectures/architecture.js";
import { isBase, taskOf } from "../architectures/tasks.js";
import type { Model } from "../model/model.js";
import type { Op, Value } from "./body.js";
import { type CandidateInputs, candidateScores } from "./candidates.js";
import type { Joining } from "./encoder.js";
import { sizeOf } from "./functions/attend.js";
import { applyChain } from "./layers.js";
import type { ModelBuilder } from "./model-builder.js";
import type { TaskOutput } from "./tasks.js";
import type { Dimension } from "./tensor.js";

export interface HeadInputs {
  /** (batch, length, hidden), of what was read. */
  readonly hidden: Value;
  readonly joining: Joining;
  /** The length's axis: `sequence_length`. */
  readonly axis: string;
  /** (2): batch and choices, where inputs have them. */
  readonly choices?: Value | undefined;
  /** What to find candidates by, where their scores are wanted. */
  readonly candidates?: CandidateInputs | undefined;
  /** (batch), int64: where each row's text ends, for heads that look there. */
  readonly lastEnd?: (() => Value) | undefined;
}

/** A head's outputs, or the hidden state where it has none. */
export function headOutputs(
  builder: ModelBuilder,
  head: Head,
  { hidden, joining, axis, choices, candidates, lastEnd }: HeadInputs,
): TaskOutput[] {
  const { op, model } = builder;
  if (candidates) return candidateScores(builder, head, joining.tokens(hidden), candidates);
  const perToken: Dimension[] = ["batch_size", axis];
  if (isBase(head)) {
    const dims = [...perToken, model.sizes.hidden];
    return [{ name: "last_hidden_state", value: joining.tokens(hidden), dims }];
  }
  const { outputByLabel, squeezesOne } = taskOf(head);
  const pooler = model.architecture.pooler ?? [];
  const scoresFrom: Record<HeadOutput["from"], (apply: (x: Value) => Value) => Value> = {
    tokens: (apply) => (outputByLabel ? joining.answers(apply(hidden)) : apply(joining.tokens(hidden))),
    "first token": (apply) => joining.ofFirst(hidden, apply),
    "last end": (apply) => joining.merged(apply(lastEnd ? rowAt(op, hidden, lastEnd()) : hidden)),
    pooler: (apply) => joining.ofFirst(hidden, (first) => apply(applyChain(builder, pooler, first))),
  };
  return Object.entries(head.outputs).flatMap(([name, output]): TaskOutput[] => {
    const value = scoresFrom[output.from]((x) => applyChain(builder, output.chain, x));
    const width = outputWidth(output, model);
    if (outputByLabel) {
      return outputByLabel.map((label, i) => ({
        name: label,
        value: op.Gather(value, i, { axis: 2 }),
        dims: perToken,
      }));
    }
    if (choices) return [{ name, value: op.Reshape(value, choices), dims: ["batch_size", "num_choices"] }];
    if (output.from !== "tokens") return [{ name, value, dims: ["batch_size", width] }];
    return [
      squeezesOne && width === 1
        ? { name, value: op.Squeeze(value, [2]), dims: perToken }
        : { name, value, dims: [...perToken, width] },
    ];
  });
}

/** Elements of a head's output for each token or input. */
function outputWidth({ chain }: HeadOutput, { sizes }: Model): number {
  const last = chain.findLast((step) => typeof step !== "string");
  if (last === undefined || typeof last === "string") return sizes.hidden;
  return typeof last.out === "number" ? last.out : sizes[last.out];
}

/** Of (batch, length, hidden) one token of each row, (batch, hidden). @param index (batch) */
export function rowAt(op: Op, hidden: Value, index: Value): Value {
  const [batch, length] = [sizeOf(op, hidden, 0), sizeOf(op, hidden, 1)];
  const tokens = op.Reshape(hidden, op.Concat([-1], op.Shape(hidden, { start: 2, end: 3 }), { axis: 0 }));
  return op.Gather(tokens, op.Add(op.Mul(op.Range(0, batch, 1), length), index));
}
