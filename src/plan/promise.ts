import { isBase } from "../architectures/tasks.js";
import { LsgError } from "../base/errors.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import type { ModelClass } from "../model/classes.js";
import { changedForwardKeys } from "../model/config.js";
import type { Model } from "../model/model.js";
import { type OwnComputation, ownComputation } from "../model/own-computation.js";
import { layerCounts } from "../model/strangers.js";
import type { ConversionOptions } from "../options/options.js";
import { reconcile } from "./reconcile.js";
import type { Promised } from "./types.js";

export interface PromiseInputs {
  /** The source as the conversion sees it: with `--model-kwargs`, as the class that is wanted. */
  readonly model: Model;
  /** The class of the result, among those of the source's model type. */
  readonly target: ModelClass;
  readonly options: ConversionOptions;
  /** Whether tensors had to be drawn that the source does not have. */
  readonly isNewHead: boolean;
  /** Up to how many tokens the attention of the result is the source's, and what keeps it from being so longer. */
  readonly attention: { readonly upTo: number; readonly cause: string };
  /** Tokens that source and result both read. */
  readonly shared: number;
}

/** A promise, and what the user should know of the source beside it. */
interface Appraisal {
  readonly promise: Promised;
  /** A sentence each. */
  readonly findings: readonly string[];
}

/**
 * What may be promised of a conversion, and why no more. A promise assumes that the source's outputs come from
 * transformers' own class, with which lsg compares, and from its config as it is.
 */
export function appraise(inputs: PromiseInputs): Appraisal {
  const unknown = unknownOutputs(inputs);
  const { found, counted, key } = layerCounts(inputs.model);
  return {
    promise: unknown
      ? { lossless_up_to: 0, hidden_states_up_to: 0, why: unknown.why }
      : promiseOfKnown(inputs),
    findings: [
      ...(unknown?.remedy === undefined ? [] : [unknown.remedy]),
      ...(found > counted
        ? [
            `The weights have ${found} layers, ${key} says ${counted}: as in transformers, only these are used.`,
          ]
        : []),
    ],
  };
}

function promiseOfKnown({ attention, shared, model, target, isNewHead }: PromiseInputs): Promised {
  const { upTo, cause } = attention;
  if (upTo < 2 && upTo < shared) {
    const where = upTo === 1 ? "from two tokens on" : "at every length";
    const why = `with ${cause} the outputs differ from the original's ${where}, and the model should be fine-tuned`;
    return { lossless_up_to: upTo, hidden_states_up_to: upTo, why };
  }
  const { source } = model;
  if (!source.head && source.className !== COLBERT_CLASS) {
    const why = `what ${source.className}, a class that lsg does not know, makes of them is its own`;
    return { lossless_up_to: 0, hidden_states_up_to: upTo, why };
  }
  // The base class always gives hidden states.
  const isBody = target.head && isBase(target.head);
  if (!isBody && (isNewHead || target.className !== source.className)) {
    const why = `its head is not ${source.className}'s (--architecture ${target.className})`;
    return { lossless_up_to: 0, hidden_states_up_to: upTo, why };
  }
  return {
    lossless_up_to: upTo,
    hidden_states_up_to: upTo,
    ...(upTo < shared && { why: `with ${cause} longer inputs give other outputs` }),
  };
}

/** What is promised, in a sentence. @param className of the source; where it is unknown, "the original" */
export function promiseSentence(
  { lossless_up_to: lossless, hidden_states_up_to: hidden, why }: Promised,
  className = "the original",
): string {
  if (lossless > 1) {
    const reason = why === undefined ? "" : `; ${why}`;
    return `Lossless: inputs of up to ${lossless} tokens give what ${className} gave${reason}.`;
  }
  if (hidden > 1) return `The base model's hidden states are the original's up to ${hidden} tokens; ${why}.`;
  return `Not lossless: ${why ?? "the outputs differ from the original's at every length"}.`;
}

/** Why the source's outputs are unknown, or cannot be compared with the result's. */
function unknownOutputs({ model, options }: PromiseInputs): OwnComputation | undefined {
  const { architecture } = model;
  const changed = changedForwardKeys(architecture, model.checkpoint.config, model.config);
  try {
    const asItIs = model.as({ className: options.architecture });
    const own = ownComputation(asItIs);
    if (own) return own;
    if (changed.length > 0) {
      return { why: `--model-kwargs changes ${changed.join(", ")}, on which the outputs depend` };
    }
    reconcile(asItIs, options);
    return undefined;
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { why: `without --model-kwargs the source cannot be run: ${error.message}` };
  }
}
