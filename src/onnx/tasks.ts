import type { Architecture, AutoClass, Head } from "../architectures/architecture.js";
import { OptionError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import type { Modules } from "../model/modules.js";
import type { Value } from "./body.js";
import { CANDIDATE_SCORING, CANDIDATE_SCORING_HEAD, scoringHead } from "./candidate-task.js";
import type { Dimension } from "./tensor.js";

/** A named output of a graph with its axes. */
export interface TaskOutput {
  readonly name: string;
  readonly value: Value;
  readonly dims: readonly Dimension[];
}

/** What an auto class is exported as. */
interface Task {
  /** optimum's name of the task. */
  readonly name: string;
  /** The Hub's name of it, its `pipeline_tag`; none where the Hub has no such task. */
  readonly hub?: string;
  /** The output that the Hub's task reads, where not every head has it. */
  readonly hubReads?: string;
  /** Inputs have one more axis, the choices. */
  readonly hasChoices?: boolean;
  /** Another of optimum's names for it. */
  readonly alias?: string;
}

/** By auto class. Names as optimum has them; pre-training heads have none there. */
const TASKS: Readonly<Record<AutoClass, Task>> = {
  Model: { name: "feature-extraction", hub: "feature-extraction" },
  MaskedLM: { name: "fill-mask", hub: "fill-mask" },
  CausalLM: { name: "text-generation", hub: "text-generation" },
  // Graphs that keep keys and values are the only ones that we write. The Hub has one task for all that generates.
  Seq2SeqLM: {
    name: "text2text-generation",
    alias: "text2text-generation-with-past",
    hub: "text-generation",
  },
  // ELECTRA's tells replaced words, for which the Hub has no task.
  PreTraining: { name: "pre-training", hub: "fill-mask", hubReads: "prediction_logits" },
  // Neither optimum nor the Hub has a task for it.
  NextSentencePrediction: { name: "next-sentence-prediction" },
  SequenceClassification: { name: "text-classification", hub: "text-classification" },
  TokenClassification: { name: "token-classification", hub: "token-classification" },
  QuestionAnswering: { name: "question-answering", hub: "question-answering" },
  MultipleChoice: { name: "multiple-choice", hub: "multiple-choice", hasChoices: true },
  // Of a graph alone, whose checkpoint is a TokenClassification.
  [CANDIDATE_SCORING_HEAD]: { name: CANDIDATE_SCORING },
};

/** The task of the base model. */
export const FEATURES = "feature-extraction";

/**
 * The head that a task needs, of a checkpoint whose head is `own`: the base model has none.
 * @throws OptionError if the checkpoint has no head for it.
 */
export function headForTask(
  architecture: Architecture,
  own: Head | undefined,
  task: string | undefined,
): Head {
  const base = architecture.heads.Model as Head;
  const head = own ?? base;
  const ownTask = TASKS[head.auto].name;
  if (task === undefined || task === ownTask || task === TASKS[head.auto].alias) return head;
  if (task === FEATURES) return base;
  if (task === CANDIDATE_SCORING) return scoringHead(head);
  throw new OptionError(
    `--task ${task}: the checkpoint has no head for it`,
    `It can be exported for ${[...new Set([ownTask, FEATURES])].join(" and ")}.`,
  );
}

/** What of a model is exported: for a task that is asked for, else what the model is for. */
export function exported(
  { architecture, source, modules }: Model,
  task: string | undefined,
): { readonly head: Head; readonly modules: Modules | undefined } {
  // Modules follow the base model, whatever head lies beside it unused.
  if (modules && task === undefined) return { head: architecture.heads.Model as Head, modules };
  return { head: headForTask(architecture, source.head, task), modules: undefined };
}

/** The task of a head, for reports. */
export function taskOf(head: Head): string {
  return TASKS[head.auto].name;
}

/** The Hub's task of a head; undefined where it has none. */
export function hubTask({ auto, outputs }: Head): string | undefined {
  const { hub, hubReads } = TASKS[auto];
  return hubReads === undefined || Object.hasOwn(outputs, hubReads) ? hub : undefined;
}

/** Whether a head's inputs are (batch, choices, length). */
export function hasChoices(head: Head): boolean {
  return TASKS[head.auto].hasChoices ?? false;
}
