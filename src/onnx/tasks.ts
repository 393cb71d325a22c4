import type { Architecture, Head } from "../architectures/architecture.js";
import { TASKS, taskOf } from "../architectures/tasks.js";
import { OptionError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import type { Modules } from "../model/modules.js";
import type { Value } from "./body.js";
import type { Dimension } from "./tensor.js";

/** A named output of a graph with its axes. */
export interface TaskOutput {
  readonly name: string;
  readonly value: Value;
  readonly dims: readonly Dimension[];
}

/**
 * The head that a task needs, of a checkpoint whose head is `own`: the base model has none.
 * @throws OptionError if the checkpoint has no head for it.
 */
export function headForTask(
  architecture: Architecture,
  own: Head | undefined,
  task: string | undefined,
): Head {
  const base = architecture.heads.Model;
  const head = own ?? base;
  const { name: ownTask, alias } = taskOf(head);
  if (task === undefined || task === ownTask || task === alias) return head;
  if (task === TASKS.Model.name) return base;
  if (task === TASKS.CandidateScoring.name) return scoringHead(head);
  throw new OptionError(
    `--task ${task}: the checkpoint has no head for it`,
    `It can be exported for ${[...new Set([ownTask, TASKS.Model.name])].join(" and ")}.`,
  );
}

/** What of a model is exported: for a task that is asked for, else what the model is for. */
export function exported(
  { architecture, source, modules }: Model,
  task: string | undefined,
): { readonly head: Head; readonly modules: Modules | undefined } {
  // Modules follow the base model, even where the checkpoint also holds a head.
  if (modules && task === undefined) return { head: architecture.heads.Model, modules };
  return { head: headForTask(architecture, source.head, task), modules: undefined };
}

/**
 * The head of question answering over many documents, as the Longformer paper does it for WikiHop: an input holds the
 * question, the candidates, and a part of the texts. A candidate's score is that of the token before it.
 * @param own a head that scores tokens
 * @throws OptionError for any other
 */
function scoringHead(own: Head): Head {
  if (taskOf(own).candidates === undefined) throw notScoring(`its head is one for ${own.auto}`);
  return { ...own, auto: "CandidateScoring" };
}

/** @throws OptionError unless each token has one score */
export function requireOneScore(labels: number): void {
  if (labels !== 1) throw notScoring(`its head gives a token ${labels} scores, not one`);
}

function notScoring(reason: string): OptionError {
  return new OptionError(
    `--task ${TASKS.CandidateScoring.name}: the checkpoint scores no candidates: ${reason}`,
    "Train a …ForTokenClassification with num_labels 1, as docs/wikihop.md shows.",
  );
}
