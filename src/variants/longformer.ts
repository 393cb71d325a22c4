import type { Architecture } from "../architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { CheckpointError, OptionError } from "../errors.js";
import type { ConversionOptions } from "../options.js";

/** The reference's, allenai's: what `--preset reference` takes. */
const REFERENCE_WINDOW = 512;

/** transformers fails with narrower ones. */
const MIN_WINDOW = 4;

/** Attention in windows, a number for each layer. */
export interface LongformerConfig {
  /** Tokens that a token sees: half of them on either side. */
  readonly attention_window: readonly number[];
  /** Distance between the tokens of a window; left out where it is 1 in all layers. */
  readonly attention_dilation?: readonly number[];
}

/** Whether an architecture's attention is Longformer's. */
export function isLongformer({ encoder }: Architecture): boolean {
  return encoder.layers.global !== undefined;
}

/**
 * The windows of the result: what was asked for, else a Longformer source's own, else the preset's. Faithful windows
 * reach as far on either side as the source could read.
 * @param usable tokens that the source can read
 * @throws OptionError for windows that are odd, or not as many as there are layers
 */
export function resolveLongformer(
  { attentionWindow, attentionDilation, preset }: ConversionOptions,
  config: Config,
  layers: number,
  usable: number,
): LongformerConfig {
  const own = config.attention_window === undefined ? undefined : readLongformer(config, layers);
  const byPreset = preset === "faithful" ? 2 * usable : REFERENCE_WINDOW;
  const window = perLayer("attention-window", attentionWindow, layers) ?? own?.attention_window;
  const dilation = perLayer("attention-dilation", attentionDilation, layers) ?? own?.attention_dilation;
  const attention_window = window ?? new Array<number>(layers).fill(byPreset);
  const odd = attention_window.find((width) => width % 2 !== 0);
  if (odd !== undefined) {
    throw new OptionError(
      `--attention-window ${odd} is odd; half of a window lies on either side`,
      `Use ${odd - 1 || 2} or ${odd + 1}.`,
    );
  }
  refuseUneven(attention_window);
  const isDilated = dilation?.some((step) => step !== 1);
  return isDilated && dilation ? { attention_window, attention_dilation: dilation } : { attention_window };
}

/**
 * transformers pads inputs to the widest window and cuts them into pieces of each; of a window of 2 it makes none.
 * @throws OptionError for windows that it would not run
 */
function refuseUneven(windows: readonly number[]): void {
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
 * The windows of a Longformer checkpoint's config: a number for all layers, or one for each.
 * @throws CheckpointError for anything else
 */
export function readLongformer(config: Config, layers: number): LongformerConfig {
  const read = (key: string, fallback: number) => {
    const value = config[key] ?? fallback;
    const numbers = Array.isArray(value) ? value : new Array<unknown>(layers).fill(value);
    const isFit = (x: unknown): x is number => typeof x === "number" && Number.isSafeInteger(x) && x > 0;
    if (numbers.length >= layers && numbers.every(isFit)) return numbers.slice(0, layers);
    throw new CheckpointError(
      `config.json: ${key} is ${JSON.stringify(value)}, expected a positive integer or ${layers} of them`,
    );
  };
  const attention_window = read("attention_window", REFERENCE_WINDOW);
  const dilation = read("attention_dilation", 1);
  return dilation.some((step) => step !== 1)
    ? { attention_window, attention_dilation: dilation }
    : { attention_window };
}

/**
 * Up to how many tokens the result computes what the source computes: as many as every window shows to every token,
 * and all that the source read where its windows are kept.
 * @param own the windows of a source that is a Longformer itself
 */
export function losslessLength(
  longformer: LongformerConfig,
  usable: number,
  own: LongformerConfig | undefined,
): number {
  if (own && JSON.stringify(own) === JSON.stringify(longformer)) return usable;
  const shown = [longformer, ...(own ? [own] : [])].map(({ attention_window, attention_dilation }) =>
    attention_dilation ? 1 : Math.min(...attention_window) / 2 + 1,
  );
  return Math.min(usable, ...shown);
}

function perLayer(
  flag: string,
  values: readonly number[] | undefined,
  layers: number,
): readonly number[] | undefined {
  if (values === undefined) return undefined;
  if (values.length === layers) return values;
  const [only] = values;
  if (values.length === 1 && only !== undefined) return new Array<number>(layers).fill(only);
  throw new OptionError(
    `--${flag}: ${values.length} numbers for ${layers} layers`,
    "Give one number, or one for each layer of the encoder.",
  );
}
