import { isBase } from "../architectures/tasks.js";
import { dilationText, type LongformerConfig } from "../attention/longformer.js";
import { readsNewGlobals } from "../attention/lsg.js";
import type { LsgConfig } from "../attention/lsg-config.js";
import type { KeptRows } from "../attention/variant-row.js";
import { LsgError } from "../base/errors.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { changedForwardKeys } from "../model/forward-keys.js";
import { describeModel, type Model } from "../model/model.js";
import { type OwnComputation, ownComputation } from "../model/own-computation.js";
import { layerCounts } from "../model/strangers.js";
import { flagName } from "../options/flags.js";
import type { ConversionOptions } from "../options/options.js";
import { reconcile } from "./reconcile.js";
import type { Promised } from "./types.js";

export interface PromiseInputs {
  readonly checkpoint: Checkpoint;
  /** The source as the conversion sees it: with `--model-kwargs`, as the class that is wanted. */
  readonly model: Model;
  readonly options: ConversionOptions;
  /** Whether tensors had to be drawn that the source does not have. */
  readonly isNewHead: boolean;
  /** Up to how many tokens the attention of the result is the source's, and what keeps it from being so longer. */
  readonly attention: { readonly upTo: number; readonly cause: string };
  /** Tokens that source and result both read. */
  readonly usable: number;
}

/** A promise, and what the user should know of the source beside it. */
interface Appraisal {
  readonly promise: Promised;
  /** A sentence each. */
  readonly findings: readonly string[];
}

/**
 * What may be promised of a conversion, and why no more. A promise is made of what is known: that transformers' own
 * class, which lsg compares with, computed the source's outputs, from its config as it is.
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

function promiseOfKnown({ attention, usable, model, isNewHead }: PromiseInputs): Promised {
  const { upTo, cause } = attention;
  if (upTo < 2 && upTo < usable) {
    const where = upTo === 1 ? "from two tokens on" : "at every length";
    const why = `with ${cause} the outputs differ from the original's ${where}, and the model should be fine-tuned`;
    return { lossless_up_to: upTo, hidden_states_up_to: upTo, why };
  }
  const { source, target } = model;
  if (!source.head && source.className !== COLBERT_CLASS) {
    const why = `what ${source.className}, a class that lsg does not know, makes of them is its own`;
    return { lossless_up_to: 0, hidden_states_up_to: upTo, why };
  }
  // The base class gives hidden states, whatever else it gives.
  const isBody = target.head && isBase(target.head);
  if (!isBody && (isNewHead || target.className !== source.className)) {
    const why = `its head is not ${source.className}'s (--architecture ${target.className})`;
    return { lossless_up_to: 0, hidden_states_up_to: upTo, why };
  }
  return {
    lossless_up_to: upTo,
    hidden_states_up_to: upTo,
    ...(upTo < usable && { why: `with ${cause} longer inputs give other outputs` }),
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

/** Why nothing is known of the source's outputs, or of how the result's are to theirs. */
function unknownOutputs({ checkpoint, model, options }: PromiseInputs): OwnComputation | undefined {
  const { architecture } = model;
  const changed = changedForwardKeys(architecture, checkpoint.config, model.config);
  try {
    const asItIs = describeModel(checkpoint, architecture, { className: options.architecture });
    const own = ownComputation(asItIs);
    if (own) return own;
    if (changed.length > 0) {
      return { why: `--model-kwargs changes ${changed.join(", ")}, on which the outputs depend` };
    }
    reconcile({ ...asItIs, mayCreate: options.architecture !== undefined, seed: options.seed });
    return undefined;
  } catch (error) {
    if (!(error instanceof LsgError)) throw error;
    return { why: `without --model-kwargs the source cannot be run: ${error.message}` };
  }
}

/** Which option of a conversion to LSG makes its attention another than the source's. */
export function lsgCause(
  lsg: LsgConfig,
  options: ConversionOptions,
  source: LsgConfig | undefined,
  keptRows: KeptRows,
): string {
  const asked = (key: keyof LsgConfig) => {
    const value = options.lsg[key as keyof typeof options.lsg];
    const flag = flagName(key);
    if (typeof value !== "boolean") return `${flag} ${value}`;
    return value ? flag : flag.replace("--", "--no-");
  };
  if (source && readsNewGlobals(lsg, keptRows)) {
    return "a table of global tokens made anew (--resize-lsg keeps the source's)";
  }
  const given = Object.keys(options.lsg) as (keyof LsgConfig)[];
  const deciding = given.filter((key) => (source ? lsg[key] !== source[key] : DECIDING[key]?.(lsg[key])));
  const isPreset = !source && options.preset === "reference" && !lsg.first_token_is_global;
  const causes = [
    ...(isPreset && !deciding.includes("first_token_is_global") ? ["--preset reference"] : []),
    ...(deciding.length > 0 ? deciding : given.filter((key) => key === "block_size")).map(asked),
  ];
  return causes.length > 0 ? causes.join(", ") : "its attention";
}

/** Values of LSG's keys with which an input has what it had not before, at every length. */
const DECIDING: Partial<Record<keyof LsgConfig, (value: unknown) => boolean>> = {
  first_token_is_global: (value) => value === false,
  mask_first_token: (value) => value === true,
  num_global_tokens: (value) => value !== 1,
  pool_with_global: (value) => value === false,
};

/** Which option of a conversion to Longformer makes its windows narrower than what the source read. */
export function longformerCause(
  { attention_dilation }: LongformerConfig,
  { attentionWindow, attentionDilation, preset }: ConversionOptions,
): string {
  if (attention_dilation) {
    return attentionDilation
      ? `--attention-dilation ${dilationText(attentionDilation)}`
      : "attention_dilation";
  }
  if (attentionWindow) return `--attention-window ${attentionWindow.join(",")}`;
  return preset === "reference" ? "--preset reference" : "its windows";
}
