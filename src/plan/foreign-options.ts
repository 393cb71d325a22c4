import { OptionError } from "../base/errors.js";
import { flagName } from "../options/flags.js";
import type { ConversionOptions } from "../options/options.js";
import { ConversionSchema, type Variant } from "../options/schemas.js";

/** How LSG's global tokens are made. A Longformer has no embeddings of global tokens. */
const LSG_ONLY = [
  "globalPositionalStride",
  "keepFirstGlobalToken",
  "randomGlobalInit",
  "resizeLsg",
  "useTokenIds",
] as const;

/** Windows, and which tokens see beyond them. */
const LONGFORMER_ONLY = ["attentionWindow", "attentionDilation", "globalAttention"] as const;

const DEFAULTS = ConversionSchema.parse({});

/** @throws OptionError for options that would change nothing, being the other variant's */
export function refuseForeignOptions(variant: Variant, options: ConversionOptions): void {
  if (variant === "lsg") {
    const key = LONGFORMER_ONLY.find((one) => options[one] !== undefined);
    if (key === undefined) return;
    throw new OptionError(
      `${flagName(key)} is Longformer's, and this is a conversion to LSG`,
      "Use --to longformer, or leave it out.",
    );
  }
  const [lsgKey] = Object.keys(options.lsg);
  if (lsgKey !== undefined) {
    throw new OptionError(
      `${flagName(lsgKey)} is LSG's; a Longformer has --attention-window`,
      "Leave it out.",
    );
  }
  const key = LSG_ONLY.find((one) => options[one] !== DEFAULTS[one]);
  if (key === undefined) return;
  const flag = options[key] === false ? flagName(key).replace("--", "--no-") : flagName(key);
  throw new OptionError(`${flag} is LSG's: a Longformer has no embeddings of global tokens`, "Leave it out.");
}
