import type { Architecture } from "../architectures/architecture.js";
import type { ModelingClasses } from "../architectures/modeling.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { type FullConfig, fullRow } from "./full.js";
import { type LongformerConfig, longformerRow } from "./longformer.js";
import { lsgRow } from "./lsg.js";
import type { LsgConfig } from "./lsg-config.js";
import type { KeptRows, LayerSizes, VariantRow } from "./variant-row.js";
import { type WindowsConfig, windowsRow } from "./windows.js";

/** What each variant of attention has in config.json. */
export interface VariantConfigs {
  readonly full: FullConfig;
  readonly lsg: LsgConfig;
  readonly longformer: LongformerConfig;
  readonly windows: WindowsConfig;
}

export type Variant = keyof VariantConfigs;

/** The attention of a model, with its keys in the config. @typeParam V where it is known which */
export type Attention<V extends Variant = Variant> = {
  readonly [K in V]: { readonly kind: K; readonly config: VariantConfigs[K] };
}[V];

/** Variants that a conversion makes: with these tokens of long inputs see a part of the others only. */
export type LocalVariant = Exclude<Variant, "full">;
export type LocalAttention = Attention<LocalVariant>;

/** The attention of models that stay as they are. */
export const FULL: Attention<"full"> = { kind: "full", config: {} };

const VARIANTS: {
  readonly [V in Variant]: VariantRow<VariantConfigs[V]> & { isLocal: V extends LocalVariant ? true : false };
} = {
  full: fullRow,
  lsg: lsgRow,
  longformer: longformerRow,
  windows: windowsRow,
};

/** The variant that transformers' own classes of an architecture have. */
export function ownVariant({ encoder }: Architecture): "full" | "longformer" {
  return encoder.layers.global ? "longformer" : "full";
}

/** The variant of a checkpoint: what its config is marked as, else its architecture's own; full where none is known. */
export function variantOf(config: Config, architecture: Architecture | undefined): Variant {
  const all = Object.keys(VARIANTS) as Variant[];
  return (
    all.find((variant) => VARIANTS[variant].marks(config)) ??
    (architecture ? ownVariant(architecture) : "full")
  );
}

/** What a checkpoint of a variant becomes where nobody says otherwise: more of the same, or LSG. */
export function resultVariant(variant: Variant): LocalVariant {
  return isLocalVariant(variant) ? variant : "lsg";
}

/** What a model's attention is read from. */
interface ReadFrom {
  readonly config: Config;
  readonly architecture: Architecture;
  readonly sizes: LayerSizes;
}

/** The attention of a checkpoint, as its config says. @throws CheckpointError or OptionError for keys that don't work */
export function attentionOf(model: ReadFrom): Attention {
  return readAs(variantOf(model.config, model.architecture), model);
}

export function readAs<V extends Variant>(kind: V, { config, architecture, sizes }: ReadFrom): Attention<V> {
  return { kind, config: VARIANTS[kind].read(config, architecture, sizes) };
}

/** What a config has of a variant that its model type has not. */
export function foreignKey(
  config: Config,
  architecture: Architecture,
): { key: string; of: string } | undefined {
  const own = ownVariant(architecture);
  const others = Object.entries(VARIANTS).filter(([variant]) => variant !== own);
  for (const [, { ownKey: key, title }] of others) {
    if (key !== undefined && config[key] != null) return { key, of: title };
  }
  return undefined;
}

export function titleOf({ kind }: Attention): string {
  return VARIANTS[kind].title;
}

export function isLocal(attention: Attention): attention is LocalAttention {
  return isLocalVariant(attention.kind);
}

export function isLocalVariant(variant: Variant): variant is LocalVariant {
  return VARIANTS[variant].isLocal;
}

/** The classes of a variant that transformers does not have: Python code beside the weights. */
export function codeOf(variant: Variant): ModelingClasses | undefined {
  return VARIANTS[variant].code;
}

/** What the names of all classes begin with that transformers does not have. */
export function codePrefixes(): string[] {
  return Object.values(VARIANTS).flatMap(({ code }) => code?.prefix ?? []);
}

export function autoMap(variant: Variant, architecture: Architecture): Record<string, string> | undefined {
  return VARIANTS[variant].autoMap(architecture);
}

export function takesGlobals({ kind }: Attention): boolean {
  return VARIANTS[kind].takesGlobals;
}

export function ofFirstLayer<V extends Variant>({ kind, config }: Attention<V>): Attention<V> {
  return { kind, config: VARIANTS[kind].ofFirstLayer(config) };
}

export function widthOf<V extends Variant>({ kind, config }: Attention<V>): string {
  return VARIANTS[kind].widthOf(config);
}

export function isSparseAttention<V extends Variant>({ kind, config }: Attention<V>): boolean {
  return VARIANTS[kind].isSparse(config);
}

export function describeAttention<V extends Variant>({ kind, config }: Attention<V>): string | undefined {
  return VARIANTS[kind].describe(config);
}

export function borderOf<V extends Variant>({ kind, config }: Attention<V>): number {
  return VARIANTS[kind].borderOf(config);
}

export function seenInFull<V extends Variant>({ kind, config }: Attention<V>): number {
  return VARIANTS[kind].seenInFull(config);
}

export function scoresAtOnce<V extends Variant>({ kind, config }: Attention<V>, tokens: number): number {
  return VARIANTS[kind].scoresAtOnce(config, tokens);
}

export function outgrowsTable({ kind }: Attention): boolean {
  return VARIANTS[kind].outgrowsTable;
}

export function isRandom<V extends Variant>({ kind, config }: Attention<V>): boolean {
  return VARIANTS[kind].isRandom(config);
}

export function losslessLength<V extends Variant>(
  { kind, config }: Attention<V>,
  maxLength: number,
  source?: VariantConfigs[V],
  keptRows?: KeptRows,
): number {
  return VARIANTS[kind].losslessLength(config, maxLength, source, keptRows);
}

/** The keys of attention that is of a certain variant: what that variant's own code asks of a source. */
export function keysOf<V extends Variant>(
  variant: V,
  { kind, config }: Attention,
): VariantConfigs[V] | undefined {
  return kind === variant ? (config as VariantConfigs[V]) : undefined;
}
