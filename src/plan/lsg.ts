import type { Architecture } from "../architectures/architecture.js";
import { DECODER_DEFAULTS, lsgKeys, parseLsgConfig } from "../attention/lsg.js";
import { type LsgConfig, presetConfig } from "../attention/lsg-config.js";
import { OptionError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import type { ConversionOptions } from "../options/options.js";

/**
 * The LSG keys of the result: what was asked for, else what an LSG source has or the preset sets, else the
 * reference's defaults.
 * @param usable tokens that the source can read
 * @throws OptionError or CheckpointError for values or combinations that don't work.
 */
export function resolveLsgConfig(
  options: ConversionOptions,
  { architecture, config, isLsg }: Model,
  usable: number,
): LsgConfig {
  const inherited = isLsg ? lsgKeys(config) : presetConfig(options.preset, usable);
  refuseDecoderKeys(options, architecture);
  const asked = options.lsg.mask_first_token === true && !("first_token_is_global" in options.lsg);
  const lsg = parseLsgConfig(architecture, {
    ...inherited,
    // The first token can be hidden by one of two means; who asks for the reference's gets that one.
    ...(asked && { first_token_is_global: false }),
    ...options.lsg,
  });
  // Without pooling nothing would stand in the place of a token that was hidden.
  return lsg.mask_first_token ? { ...lsg, pool_with_global: true } : lsg;
}

function refuseDecoderKeys({ lsg }: ConversionOptions, { decoder, title }: Architecture): void {
  const key = Object.keys(DECODER_DEFAULTS).find((name) => Object.hasOwn(lsg, name));
  if (decoder || key === undefined) return;
  throw new OptionError(`--${key.replaceAll("_", "-")}: ${title} has no decoder`, "Leave it out.");
}
