import type { Architecture } from "../architectures/architecture.js";
import { codeAutoMap } from "../architectures/modeling.js";
import { taskOf } from "../architectures/tasks.js";
import {
  DEFAULT_WINDOW_OVERLAP,
  type FirstTokenUse,
  MERGES_BY_USE,
  type Merge,
  MIN_WINDOW_SIZE,
  mostShared,
  sharedTokens,
  WINDOWS_CLASS_PREFIX,
  type WindowsConfig,
  windowsRow,
} from "../attention/windows.js";
import { OptionError } from "../base/errors.js";
import { COLBERT_CLASS, type ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import { resultClass } from "../model/classes.js";
import { changedKeys, lengthChange, raisedLengths } from "../model/config.js";
import { firstTokenUseOf } from "../model/first-token.js";
import type { Contents, Model } from "../model/model.js";
import type { Modules } from "../model/modules.js";
import { BUFFERS, refuseExpanded } from "../model/strangers.js";
import { flagName } from "../options/flags.js";
import type { ConversionOptions } from "../options/options.js";
import { ConversionSchema } from "../options/schemas.js";
import { findTemplate, type TextTemplate } from "../tokenizer/template.js";
import { behindLast } from "./place.js";
import type { PlanInputs } from "./plan-inputs.js";
import { targetLength } from "./positions.js";
import { appraise } from "./promise.js";
import { reconcile } from "./reconcile.js";
import { planShards } from "./shards.js";
import { copyOf } from "./tensors.js";
import { carriedTensors, labelChanges, leftBehind, type VariantPlan, type WeightPlan } from "./weights.js";

/** Plans what a conversion to windows does: weights and tables stay; the config gets keys, and clients another limit. */
function planWindows({ model: asItself, options, contents, kind, modules }: PlanInputs): WeightPlan {
  const model = asItself.as({ className: options.architecture, kwargs: options.modelKwargs });
  refuseExpanded(model);
  const { checkpoint, architecture, config, source, target, sizes, tensors } = model;
  const { maxLength } = model.positions();
  refuseUnlike(model, maxLength);
  const template = templateOf(model, contents, kind);
  refuseMerge(model, options, template, modules);
  const windows = resolveWindows(model, options, template, maxLength);
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
      ["auto_map", codeAutoMap(architecture, WINDOWS_CLASS_PREFIX)],
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

/** What stands around a text. A ColBERT puts a marker of queries or documents behind its first token. */
function templateOf({ architecture }: Model, contents: Contents, kind: ModelKind | undefined): TextTemplate {
  const template = findTemplate(contents, architecture.tokenizerClass);
  return kind === "ColBERT" ? { ...template, head: template.head + 1 } : template;
}

const NOT_READ: Partial<Record<FirstTokenUse, string>> = {
  none: "what it gives is made of all tokens, none of which is merged",
  answers: "an answer's scores are those of the windows, and the least of them stand for no answer",
};

/** @throws OptionError for a merge that does not go with what is made of the first token */
function refuseMerge(
  { architecture, source, target }: Model,
  { merge }: ConversionOptions,
  { head }: TextTemplate,
  modules: Modules | undefined,
): void {
  if (merge === undefined) return;
  // What follows the transformer follows the base model alone.
  const use = firstTokenUseOf(
    architecture,
    target.head,
    target.className === source.className ? modules : undefined,
  );
  const [usual, ...others] = MERGES_BY_USE[use];
  const known = [...(usual === "least" ? [] : [usual]), ...others];
  const isRepeated = head > 0 || use === "logits of a decoder";
  if (isRepeated && known.includes(merge)) return;
  const reason = isRepeated
    ? NOT_READ[use]
    : "its tokenizer puts no token before a text that windows could repeat";
  throw new OptionError(
    `--merge ${merge}: the windows of ${target.className} cannot be merged so${reason === undefined ? "" : `: ${reason}`}`,
    isRepeated && others.length > 0 ? `Use one of ${known.join(", ")}; or leave it out.` : "Leave it out.",
  );
}

/**
 * The keys of the result: what was asked for, else what a source has that reads windows already, else the defaults.
 * @throws OptionError for windows without room
 */
function resolveWindows(
  { config, source, target }: Model,
  { merge, windowOverlap }: ConversionOptions,
  { head, tail, separator }: TextTemplate,
  size: number,
): WindowsConfig {
  const around = head + tail;
  if (around > size / 2) {
    throw new OptionError(
      `--to windows: the tokenizer puts ${around} tokens around a text, and windows of ${size} leave too few for it`,
      "Use --to lsg.",
    );
  }
  const most = mostShared(size, around);
  if (windowOverlap !== undefined && windowOverlap > most) {
    throw new OptionError(
      `--window-overlap ${windowOverlap}: windows of ${size}, each with ${around} tokens around its text, share ${most} at most`,
      `Take ${most} or fewer.`,
    );
  }
  const { window_merge, ...own } = windowsRow.marks(config) ? windowsRow.read(config) : {};
  return {
    window_size: size,
    window_head: head,
    window_tail: tail,
    window_separator: separator,
    window_overlap: DEFAULT_WINDOW_OVERLAP,
    ...own,
    // Another class may not know it.
    ...(window_merge !== undefined && target.className === source.className && { window_merge }),
    ...(windowOverlap !== undefined && { window_overlap: windowOverlap }),
    ...(merge !== undefined && { window_merge: merge }),
  };
}

function isBuffer({ tensors }: Model, name: string): boolean {
  const found = [...tensors.values()].find(({ sourceName }) => sourceName === name);
  return BUFFERS.includes(found?.baseName ?? "");
}

/** Options of other variants: global tokens, and the windows of a Longformer's attention. */
const LSG_OPTIONS = [
  "globalPositionalStride",
  "keepFirstGlobalToken",
  "randomGlobalInit",
  "resizeLsg",
  "useTokenIds",
] as const;
const LONGFORMER_OPTIONS = ["attentionWindow", "attentionDilation", "globalAttention"] as const;

const DEFAULTS = ConversionSchema.parse({});

function refuseForeign(options: ConversionOptions): void {
  const lsg = Object.keys(options.lsg)[0] ?? LSG_OPTIONS.find((key) => options[key] !== DEFAULTS[key]);
  const longformer = LONGFORMER_OPTIONS.find((key) => options[key] !== undefined);
  const found =
    lsg !== undefined
      ? ([lsg, "LSG"] as const)
      : longformer !== undefined
        ? ([longformer, "Longformer"] as const)
        : undefined;
  if (found) {
    const [key, owner] = found;
    const isOff = (options as Readonly<Record<string, unknown>>)[key] === false;
    throw new OptionError(
      `${isOff ? flagName(key).replace("--", "--no-") : flagName(key)} is ${owner}'s, and windows keep the source's own attention`,
      "Leave it out.",
    );
  }
  if (options.preset === "reference") {
    throw new OptionError(
      "--preset reference: the reference has no windows; short inputs compute what they did",
      "Leave it out.",
    );
  }
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
    `A batch of up to ${window_size} tokens, padding counted, is what the original makes of it. A longer text is cut into ` +
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
