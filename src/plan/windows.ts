import type { Architecture } from "../architectures/architecture.js";
import { taskOf } from "../architectures/tasks.js";
import {
  type Merge,
  MIN_WINDOW_SIZE,
  sharedTokens,
  type WindowsConfig,
  WindowsConfigSchema,
  windowsRow,
} from "../attention/windows.js";
import { OptionError } from "../base/errors.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { resultClass } from "../model/classes.js";
import { changedKeys, lengthChange, raisedLengths } from "../model/config.js";
import type { Model } from "../model/model.js";
import { BUFFERS, refuseExpanded } from "../model/strangers.js";
import type { ConversionOptions } from "../options/options.js";
import { foreignOption } from "./foreign-options.js";
import { behindLast } from "./place.js";
import type { PlanInputs } from "./plan-inputs.js";
import { targetLength } from "./positions.js";
import { appraise } from "./promise.js";
import { reconcile } from "./reconcile.js";
import { planShards } from "./shards.js";
import { copyOf } from "./tensors.js";
import { carriedTensors, labelChanges, leftBehind, type VariantPlan, type WeightPlan } from "./weights.js";
import { resolveWindows } from "./windows-config.js";

/** Plans what a conversion to windows does: weights and tables stay; the config gets keys, and clients another limit. */
function planWindows(inputs: PlanInputs): WeightPlan {
  const { model: asItself, options } = inputs;
  const model = asItself.as({ className: options.architecture, kwargs: options.modelKwargs });
  refuseExpanded(model);
  const { checkpoint, architecture, config, source, target, sizes, tensors } = model;
  const { maxLength } = model.positions();
  refuseUnlike(model, maxLength);
  const windows = resolveWindows(model, inputs);
  const lengths = lengthChange(architecture, maxLength, longerLength(options, maxLength), true);
  const reconciled = reconcile(model, options);
  // Numbers of positions are right as long as the table is the same.
  const dropped = reconciled.dropped.filter(({ name }) => !isBuffer(model, name));
  const gone = new Set(dropped.map(({ name }) => name));
  const staying = [...tensors.values()].filter(({ sourceName }) => !gone.has(sourceName));
  // Names that transformers takes from the source it takes from the result, as long as the class is the same.
  const keepsNames = target.className === source.className;
  const placed = [
    ...staying.map((tensor) => ({
      at: tensor.stored,
      draft: { ...copyOf(tensor), ...(keepsNames && { name: tensor.sourceName }) },
    })),
    ...behindLast(staying, [...reconciled.created, ...reconciled.implied]),
  ];
  const className = resultClass("windows", target.className, architecture);
  return {
    source,
    target,
    className,
    attention: { kind: "windows", config: windows },
    sourceAttention: model.attention(),
    length: lengths,
    heads: sizes.heads,
    ...appraise({
      model,
      target,
      options,
      isNewHead: reconciled.created.length > 0,
      attention: { upTo: windowsRow.losslessLength(windows, maxLength), cause: "its windows" },
      shared: maxLength,
    }),
    configChanges: new Map<string, unknown>([
      ...changedKeys(checkpoint.config, config),
      ["architectures", [className]],
      ["auto_map", windowsRow.autoMap(architecture)],
      ["window_merge", undefined],
      ...Object.entries(windows),
      ...raisedLengths(architecture, config, lengths),
      ...labelChanges(config, sizes.labels),
      ["_name_or_path", undefined],
    ]),
    shards: planShards(checkpoint, placed),
    created: reconciled.created.map(({ name }) => name),
    unreadGlobals: {},
    dropped: [...dropped, ...leftBehind(checkpoint, model)],
    carried: carriedTensors(model, dropped),
  };
}

/** @throws OptionError for a source whose long inputs windows cannot read, or not as it would */
function refuseUnlike({ architecture, config, isLsg, target }: Model, maxLength: number): void {
  const reasons: [boolean, string, string][] = [
    [
      isLsg,
      "it is an LSG checkpoint, which reads long inputs already",
      "Convert the model that it was made from.",
    ],
    [
      config.is_decoder === true || (target.head && taskOf(target.head).isCausal) === true,
      "it is causal: each token is predicted from all before it, which no window holds",
      "Use --to lsg.",
    ],
    [
      maxLength < MIN_WINDOW_SIZE,
      `it reads ${maxLength} tokens, and a window has ${MIN_WINDOW_SIZE} at least`,
      "Use --to lsg.",
    ],
  ];
  const found = reasons.find(([applies]) => applies);
  if (!found) return;
  const [, reason, remedy] = found;
  throw new OptionError(
    `--to windows: this ${architecture.title} cannot be read in windows: ${reason}`,
    remedy,
  );
}

/** @throws OptionError for a length that the source reads anyway */
function longerLength({ maxSequenceLength }: ConversionOptions, maxLength: number): number {
  const length = targetLength(maxSequenceLength, maxLength);
  if (length > maxLength) return length;
  throw new OptionError(
    `--max-sequence-length ${length}: the source reads ${maxLength} tokens as it is, and windows are for more`,
    `Ask for more than ${maxLength}; or use --to lsg, which cuts the table.`,
  );
}

function isBuffer({ tensors }: Model, name: string): boolean {
  const found = [...tensors.values()].find(({ sourceName }) => sourceName === name);
  return BUFFERS.includes(found?.baseName ?? "");
}

function refuseForeign(options: ConversionOptions): void {
  const foreign = foreignOption(options, "windows");
  if (foreign) {
    throw new OptionError(`${foreign.said}, and windows keep the source's own attention`, "Leave it out.");
  }
  if (options.positions !== undefined) {
    throw new OptionError("--positions: windows keep the source's own positions", "Leave it out.");
  }
  if (options.preset === "reference") {
    throw new OptionError(
      "--preset reference: the reference has no windows; short inputs compute what they did",
      "Leave it out.",
    );
  }
  const key = Object.keys(options.modelKwargs).find((one) => Object.hasOwn(WindowsConfigSchema.shape, one));
  if (key === undefined) return;
  throw new OptionError(
    `--model-kwargs: "${key}" cannot be set`,
    "Use --window-overlap and --merge; the others follow from the source.",
  );
}

/** @throws OptionError for a model type whose tokens see a part of the others only */
async function targetOf(source: Architecture): Promise<Architecture> {
  if (!source.encoder.layers.global) return source;
  throw new OptionError(
    `--to windows: ${source.title} reads long inputs already, with attention of its own`,
    "Use --to longformer, or convert the model that it was made from.",
  );
}

function windowsNotes({ modeling }: PlanInputs, { target, className }: WeightPlan) {
  return [
    target.head === undefined &&
      target.className !== COLBERT_CLASS &&
      `${target.className} is not a class that lsg knows: its base model is converted to ${className}.`,
    modeling?.files.size === 0 && "No modelling code is included: transformers reads no long inputs yet.",
  ];
}

function inParts({ window_size: size }: WindowsConfig): string {
  return (
    `Longer inputs are read in windows of ${size} tokens that overlap, each as the original reads a text of its own: ` +
    "nothing needs to be trained for them."
  );
}

const MERGED: Readonly<Record<Merge, string>> = {
  reader: "is read by a reader of its own, which sees the tokens of all windows",
  mean: "is the mean of what it is in the windows",
  max: "gives the largest of what it gives in the windows",
  logsumexp: "gives the log-sum-exp of what it gives in the windows",
};

function cardText(windows: WindowsConfig): string {
  const { window_size, window_head, window_tail, window_merge } = windows;
  const repeated = [
    ...(window_head > 0 ? [`the text's first ${window_head}`] : []),
    ...(window_tail > 0 ? [`its last ${window_tail}`] : []),
  ];
  return [
    `A batch of up to ${window_size} tokens, padding counted, is what the original makes of it, whatever its mask. A longer text is cut into ` +
      `windows of ${window_size} tokens, of which neighbours share ${sharedTokens(windows)} or more` +
      `${repeated.length > 0 ? `, and each begins and ends as the text does (${repeated.join(", ")})` : ""}; every token's ` +
      "output is that of the window in which it stands nearest the middle.",
    "Of a pair of texts the shorter one stands in every window.",
    ...(window_merge === undefined
      ? []
      : [`The first token, of which every window has one, ${MERGED[window_merge]}.`]),
  ].join(" ");
}

/** A conversion to windows: the source's own weights and tables; what is new stands in the config. */
export const windowsPlan: VariantPlan<WindowsConfig> = {
  offers: ({ encoder }) => encoder.layers.global === undefined,
  target: targetOf,
  readsModules: true,
  refuseForeign,
  plan: planWindows,
  notes: windowsNotes,
  card: {
    attention: "the original in overlapping windows",
    ofLongInputs: "full within windows",
    proven: "the plan of windows",
  },
  inParts,
  cardText,
};
