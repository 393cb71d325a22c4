import type { LocalVariant } from "../attention/variants.js";
import { flagName } from "../options/flags.js";
import type { ConversionOptions } from "../options/options.js";
import { ConversionSchema } from "../options/schemas.js";

/** Options that say something of one variant alone; LSG's config keys are besides. */
const OWN = {
  lsg: ["globalPositionalStride", "keepFirstGlobalToken", "randomGlobalInit", "resizeLsg", "useTokenIds"],
  longformer: ["attentionWindow", "attentionDilation", "globalAttention"],
  windows: ["merge", "windowOverlap"],
} as const satisfies Record<LocalVariant, readonly (keyof ConversionOptions)[]>;

const DEFAULTS: Readonly<Record<string, unknown>> = ConversionSchema.parse({});

const OWNERS: Readonly<Record<LocalVariant, string>> = {
  lsg: "LSG's",
  longformer: "Longformer's",
  windows: "windows'",
};

/**
 * The first option that was given, would change nothing, and is another variant's.
 * @returns also what a sentence about it begins with: "--merge is windows'"
 */
export function foreignOption(
  options: ConversionOptions,
  variant: LocalVariant,
): { readonly owner: LocalVariant; readonly said: string } | undefined {
  for (const [owner, keys] of Object.entries(OWN) as [LocalVariant, readonly (keyof ConversionOptions)[]][]) {
    if (owner === variant) continue;
    const [lsgKey] = owner === "lsg" ? Object.keys(options.lsg) : [];
    const key = lsgKey ?? keys.find((one) => options[one] !== DEFAULTS[one]);
    if (key === undefined) continue;
    const isOff = lsgKey === undefined && options[key as keyof ConversionOptions] === false;
    const flag = isOff ? flagName(key).replace("--", "--no-") : flagName(key);
    return { owner, said: `${flag} is ${OWNERS[owner]}` };
  }
  return undefined;
}
