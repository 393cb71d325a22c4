import { CheckpointError, OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { LayerSizes, VariantRow } from "./variant-row.js";

/** The reference's, allenai's: what `--preset reference` takes. */
export const REFERENCE_WINDOW = 512;

/** transformers fails with narrower ones. */
export const MIN_WINDOW = 4;

/** Attention in windows, layer by layer; config.json has the same keys. */
export interface LongformerConfig {
  /** Tokens that a token sees: half of them on either side. */
  readonly attention_window: readonly number[];
  /** Left out where it is 1 in all heads. */
  readonly attention_dilation?: Dilation;
}

/**
 * Distance between the tokens of a window: for each layer, or for each head of each layer where heads differ (Beltagy
 * et al. 2020, section 3.1; allenai/longformer's `diagonaled_mm`).
 */
type Dilation = readonly number[] | readonly (readonly number[])[];

/** One layer's window: tokens on either side, and how far apart they are in each head. */
export function windowOf(
  { attention_window, attention_dilation }: LongformerConfig,
  layer: number,
  heads: number,
): { readonly window: number; readonly dilation: readonly number[] } {
  const apart = attention_dilation?.[layer] ?? 1;
  const dilation = typeof apart === "number" ? new Array<number>(heads).fill(apart) : apart;
  return { window: (attention_window[layer] ?? 0) / 2, dilation };
}

/** As `--attention-dilation` takes it: `1,1:1:2:2`. */
export function dilationText(dilation: readonly (number | readonly number[])[]): string {
  return dilation.map((layer) => [layer].flat().join(":")).join(",");
}

/** Dilations in their plainest form: none, a number for each layer, or one for each head of each layer. */
export function withDilation(
  attention_window: readonly number[],
  dilation: readonly (number | readonly number[])[],
  heads: number,
): LongformerConfig {
  const byHead = dilation.map((layer) =>
    typeof layer === "number" ? new Array<number>(heads).fill(layer) : layer,
  );
  const byLayer = byHead.map(([first = 1]) => first);
  if (!byHead.every((layer, i) => layer.every((step) => step === byLayer[i])))
    return { attention_window, attention_dilation: byHead };
  const isDilated = byLayer.some((step) => step !== 1);
  return isDilated ? { attention_window, attention_dilation: byLayer } : { attention_window };
}

/** @throws OptionError for windows whose tokens are farther apart than any two of an input */
export function refuseFarApart({ attention_dilation = [] }: LongformerConfig, length: number): void {
  const widest = Math.max(1, ...attention_dilation.flat());
  if (widest < Math.max(2, length)) return;
  throw new OptionError(
    `--attention-dilation ${widest}: inputs have at most ${length} tokens, so that no window has a second one`,
    `Use at most ${Math.max(1, length - 1)}.`,
  );
}

/**
 * transformers pads inputs to the widest window and cuts them into pieces of each; of a window of 2 it makes none.
 * @throws OptionError for windows that it would not run
 */
export function refuseUneven(windows: readonly number[]): void {
  const widest = Math.max(...windows);
  const unfit = windows.find((width) => width < MIN_WINDOW || widest % width !== 0);
  if (unfit === undefined) return;
  const why = unfit < MIN_WINDOW ? `is below ${MIN_WINDOW}` : `does not divide the widest, ${widest}`;
  throw new OptionError(
    `--attention-window: ${unfit} ${why}, and transformers does not run such a model`,
    "Use windows that divide the widest one.",
  );
}

/**
 * The windows of a Longformer checkpoint's config: a number for all layers or one for each; of dilations also one for
 * each head of a layer.
 * @throws CheckpointError for anything else
 */
export function readLongformer(config: Config, { layers, heads }: LayerSizes): LongformerConfig {
  const isSize = (x: unknown): x is number => typeof x === "number" && Number.isSafeInteger(x) && x > 0;
  const isByHead = (x: unknown): x is number[] => Array.isArray(x) && x.length === heads && x.every(isSize);
  const read = <T>(key: string, fallback: number, isFit: (x: unknown) => x is T, also = ""): T[] => {
    const value = config[key] ?? fallback;
    const all = Array.isArray(value) ? value : new Array<unknown>(layers).fill(value);
    if (all.length >= layers && all.every(isFit)) return all.slice(0, layers);
    throw new CheckpointError(
      `config.json: ${key} is ${JSON.stringify(value)}, expected a positive integer or ${layers} of them${also}`,
      `Set it to one number, or to one for each layer of the encoder${also}.`,
    );
  };
  return withDilation(
    read("attention_window", REFERENCE_WINDOW, isSize),
    read(
      "attention_dilation",
      1,
      (x): x is number | number[] => isSize(x) || isByHead(x),
      `, or for a layer a list of ${heads}, one for each head`,
    ),
    heads,
  );
}

/** Tokens that every window shows to every token: none but itself where windows have gaps. */
function seenInFull({ attention_window, attention_dilation }: LongformerConfig): number {
  return attention_dilation ? 1 : Math.min(...attention_window) / 2 + 1;
}

/** What every window shows to every token is the source's, and all that it read where its windows are kept. */
function losslessLength(longformer: LongformerConfig, maxLength: number, source?: LongformerConfig): number {
  if (source && JSON.stringify(source) === JSON.stringify(longformer)) return maxLength;
  const all = [longformer, ...(source ? [source] : [])];
  return Math.min(maxLength, ...all.map(seenInFull));
}

function describe({ attention_window: window, attention_dilation: dilation }: LongformerConfig): string {
  const widths = [...new Set(window)];
  const gaps = dilation ? `, dilated by ${dilationText(dilation)}` : "";
  return `windows of ${widths.length === 1 ? widths[0] : window.join(", ")}${gaps}`;
}

/** Windows, and global tokens that see and are seen by all. transformers knows such a model by its model type. */
export const longformerRow = {
  title: "Longformer",
  isLocal: true,
  code: undefined,
  autoMap: () => undefined,
  takesGlobals: true,
  marks: () => false,
  ownKey: "attention_window",
  read: (config, _, sizes) => readLongformer(config, sizes),
  ofFirstLayer: ({ attention_window: windows, attention_dilation: dilation }) => ({
    attention_window: windows.slice(0, 1),
    ...(dilation && { attention_dilation: dilation.slice(0, 1) as Dilation }),
  }),
  describe,
  widthOf: ({ attention_window }) => `Windows of ${Math.min(...attention_window)}`,
  isSparse: () => false,
  borderOf: ({ attention_window }) => Math.min(...attention_window) / 2,
  seenInFull,
  scoresAtOnce: (longformer, tokens) => Math.min(tokens, seenInFull(longformer)) ** 2,
  outgrowsTable: false,
  isRandom: () => false,
  losslessLength,
} as const satisfies VariantRow<LongformerConfig>;

export function perLayer<T>(
  flag: string,
  values: readonly T[] | undefined,
  layers: number,
): readonly T[] | undefined {
  if (values === undefined || values.length === layers) return values;
  const [only] = values;
  if (values.length === 1 && only !== undefined) return new Array<T>(layers).fill(only);
  throw new OptionError(
    `--${flag}: ${values.length} numbers for ${layers} layers`,
    "Give one number, or one for each layer of the encoder.",
  );
}
