import type { Strategy } from "../../options/evaluation.js";
import type { Predictor } from "../../predict/predictor.js";
import type { ModelInput, Prediction } from "../../predict/types.js";
import type { Estimate, Metric } from "../metrics/metric.js";

/** What a system made of one item, as the records keep it: JSON. */
export type Outcome = unknown;

/** One figure of a system, over the units that weights choose. */
export interface Figure {
  readonly name: string;
  readonly better: "higher" | "lower";
  readonly unit?: string | undefined;
  /** The part of the documents' tokens that it is of; absent: of all. */
  readonly places?: Places | undefined;
  readonly estimate: Estimate;
}

/** Places `[from, to)` in a document; without `to` all from there on. */
export interface Places {
  readonly from: number;
  readonly to: number | undefined;
}

/** An outcome, and how many of the item's tokens were read. */
export interface Answered {
  readonly outcome: Outcome;
  readonly tokens: number;
  readonly read: number;
}

type Ask = (predictor: Predictor, numbers: readonly number[]) => AsyncIterable<Answered>;

/** What is asked of every system, and how its outcomes are scored. */
export interface Job {
  readonly title: string;
  /** What figures are made of, in singular: document, query, question. */
  readonly noun: string;
  /** What of it has a length, where that is not itself: "with documents". */
  readonly lengthOf?: string;
  /** What models read, in the data's order. */
  readonly items: readonly ModelInput[];
  /** For each unit the items whose longest gives its length. */
  readonly units: readonly (readonly number[])[];
  /** Changes of it make earlier outcomes another job's. */
  readonly recipe: string;
  /** What the model is opened for; by default what its head is for. */
  readonly task?: string;
  /** Whether a question may have no answer. */
  readonly allowNoAnswer?: boolean;
  /** Why a system cannot do it, a clause. */
  refuses?(system: { readonly reading: Strategy; readonly isSource: boolean }): string | undefined;
  /** Asks a model, in the order of the numbers. */
  readonly ask: Ask;
  /** What the source, as it is, is asked for the others to be held against, where that is none of the systems. */
  readonly reference?: { readonly name: string; readonly ask: Ask };
  /**
   * The figures of a system, the main one first.
   * @param outcomes of all items
   * @param reference of the system that the others are held against, where there are no labels
   */
  score(outcomes: readonly Outcome[], reference: readonly Outcome[] | undefined): Figure[];
  /** Whether one of the systems is the reference, which is no rival then. */
  readonly isRelative?: true;
}

/** Each unit has an item of its own. */
export function oneItemEach(items: readonly ModelInput[]): number[][] {
  return items.map((_, i) => [i]);
}

export function figuresOf<Answer>(metrics: readonly Metric<Answer>[], answers: readonly Answer[]): Figure[] {
  return metrics.map(({ name, better, unit, prepare }) => ({
    name,
    better,
    unit,
    estimate: prepare(answers),
  }));
}

/** Asks for predictions, and keeps of each what is scored. */
export function predictions<Kind extends Prediction["kind"]>(
  items: readonly ModelInput[],
  kind: Kind,
  keep: (prediction: Extract<Prediction, { kind: Kind }>, item: number) => Outcome,
): Job["ask"] {
  return async function* (predictor, numbers) {
    const asked = numbers.map((number) => ({ number, input: items[number] as ModelInput }));
    for await (const { asked: one, prediction, tokens, read } of predictor.predict(asked)) {
      if (prediction.kind !== kind) throw new Error(`a prediction is ${prediction.kind}, not ${kind}`);
      const outcome = keep(prediction as Extract<Prediction, { kind: Kind }>, one.number);
      yield { outcome, tokens, read };
    }
  };
}
