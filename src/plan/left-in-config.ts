import type { Architecture } from "../architectures/architecture.js";
import { OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { namedTokenizerClass } from "../tokenizer/special-tokens.js";
import { hasTokenizer, type TokenizerFiles } from "../tokenizer/vocabulary.js";

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
 * @param kwargs config keys that the user sets
 * @throws OptionError for one that an LSG model cannot have
 */
export function openingChanges(
  architecture: Architecture,
  config: Config,
  files: TokenizerFiles,
  kwargs: Config,
): OpeningChanges {
  if (kwargs[ATTENTIONS] === true) {
    throw new OptionError(
      `--model-kwargs: ${ATTENTIONS} is true, and LSG attention has no matrix of weights to give`,
      "Leave it out.",
    );
  }
  const asks = config[ATTENTIONS] === true;
  const lacksClass = config.tokenizer_class == null && hasTokenizer(files);
  return {
    changes: new Map<string, unknown>([
      ...(asks ? [[ATTENTIONS, undefined] as const] : []),
      ...(lacksClass
        ? [["tokenizer_class", namedTokenizerClass(files) ?? architecture.tokenizerClass] as const]
        : []),
    ]),
    notes: asks
      ? [`config.json asks for ${ATTENTIONS}, which LSG attention does not have: the key is left out.`]
      : [],
  };
}
