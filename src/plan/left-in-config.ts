import { OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";

/** Keys of config.json that change so that an LSG model runs and opens in every version of transformers. */
export interface OpeningChanges {
  readonly changes: ReadonlyMap<string, unknown>;
  readonly notes: readonly string[];
}

/** Asks every forward pass for the weights of attention. LSG attention has no matrix of them, and refuses. */
const ATTENTIONS = "output_attentions";

/**
 * What training left in a config and stands in an LSG model's way, and what it lacks: `pipeline` of transformers 4
 * loads no tokenizer for a config class of remote code without a `tokenizer_class`.
 * @param tokenizer the class that opens the folder's tokenizer
 * @param kwargs config keys that the user sets
 * @throws OptionError for one that an LSG model cannot have
 */
export function openingChanges(
  config: Config,
  tokenizer: string | undefined,
  kwargs: Config,
): OpeningChanges {
  if (kwargs[ATTENTIONS]) {
    throw new OptionError(
      `--model-kwargs: ${ATTENTIONS} is ${JSON.stringify(kwargs[ATTENTIONS])}, and LSG attention has no matrix of weights to give`,
      "Leave it out.",
    );
  }
  // Python asks whether it is true, not whether it is True.
  const asks = Boolean(config[ATTENTIONS]);
  const lacksClass = config.tokenizer_class == null && tokenizer !== undefined;
  return {
    changes: new Map<string, unknown>([
      ...(asks ? [[ATTENTIONS, undefined] as const] : []),
      ...(lacksClass ? [["tokenizer_class", tokenizer] as const] : []),
    ]),
    notes: asks
      ? [`config.json asks for ${ATTENTIONS}, which LSG attention does not have: the key is left out.`]
      : [],
  };
}
