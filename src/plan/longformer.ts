import { type Architecture, longformerType } from "../architectures/architecture.js";
import { findArchitecture } from "../architectures/architectures.js";
import { classKeyOf, classNameOf, classNames } from "../architectures/class-names.js";
import { taskOf } from "../architectures/tasks.js";
import {
  dilationText,
  type LongformerConfig,
  longformerRow,
  MIN_WINDOW,
  refuseFarApart,
} from "../attention/longformer.js";
import { keysOf } from "../attention/variants.js";
import { OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { COLBERT_CLASS } from "../checkpoint/sentence-transformers/model-kind.js";
import { type ModelClass, requestedClass } from "../model/classes.js";
import { changedKeys, lengthChange, raisedLengths } from "../model/config.js";
import type { Model } from "../model/model.js";
import type { SourceTensor } from "../model/names.js";
import { refuseExpanded } from "../model/strangers.js";
import { configLabels, headSpecs, projects, readSizes, type TensorSpec } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import { opensFolder } from "../tokenizer/class-name.js";
import { hasTokenizer } from "../tokenizer/vocabulary.js";
import { foreignOption } from "./foreign-options.js";
import { resolveLongformer, sizeChanges } from "./longformer-config.js";
import { assignTensors } from "./longformer-tensors.js";
import type { PlanInputs } from "./plan-inputs.js";
import { lengthening, ofPlacement, targetLength } from "./positions.js";
import { appraise } from "./promise.js";
import { reconcile } from "./reconcile.js";
import { planShards } from "./shards.js";
import { copyOf } from "./tensors.js";
import type { DroppedTensor } from "./types.js";
import { formerKeys, labelChanges, leftBehind, type VariantPlan, type WeightPlan } from "./weights.js";

/**
 * Plans what a conversion to Longformer does to weights and config: every module gets the name that it has there, the
 * projections of global tokens start as the ordinary ones, positions are lengthened behind the rows that Longformer
 * has before them.
 */
function planLongformer({
  model: unpadded,
  result: variant,
  options,
  tokens,
  contents,
}: PlanInputs): WeightPlan {
  const { separator } = tokens;
  const model = withPadding(unpadded, variant, options);
  refuseExpanded(model);
  refuseUnlike(model, variant);
  const { checkpoint, architecture, config, source } = model;
  const target = targetClass(model, variant, options.architecture);
  const isColbert = source.className === COLBERT_CLASS && options.architecture === undefined;
  const className = isColbert ? source.className : target.className;
  const reconciled = reconcile(model, options);

  const positions = model.positions();
  const asked = targetLength(options.maxSequenceLength, positions.maxLength);
  const longformer = resolveLongformer(options, config, model.sizes, Math.min(positions.maxLength, asked));
  const length = variant.decoder ? inWindows(asked, longformer, positions.maxLength) : asked;
  const lengths = lengthChange(variant, positions.maxLength, length);
  const shared = Math.min(positions.maxLength, length);
  refuseFarApart(longformer, length);
  const sourceAttention = model.attention();
  const own = keysOf("longformer", sourceAttention);
  const changes = sizeChanges({ model, variant, length, head: target.head, separator });
  const targetConfig: Config = { ...config, ...Object.fromEntries(changes) };
  const labels = (target.head && taskOf(target.head).labels) ?? configLabels(config);
  const sizes = readSizes(variant, targetConfig, labels);
  const longer = lengthening(options.positions, positions, length, { architecture, contents });
  const assigned = assignTensors({
    ...{ model, variant, target, sizes, length, config: targetConfig, options },
    lengthening: longer,
  });

  const { files } = checkpoint.source;
  const suits =
    config.tokenizer_class != null || !hasTokenizer(files) || opensFolder(architecture.tokenizerClass, files);
  const gone = new Set(reconciled.dropped.map(({ name }) => name));
  const known = new Set(ownSpecs(model).map(({ name }) => name));
  const left = [...model.tensors.values()].filter(
    ({ sourceName }) => !assigned.used.has(sourceName) && !gone.has(sourceName),
  );
  // What belongs to a class of the source has no place under its name; what no class knows is carried along.
  const isOwn = ({ name, baseName }: SourceTensor) => baseName !== undefined || known.has(name);
  const dropped: DroppedTensor[] = left
    .filter(isOwn)
    .map(({ sourceName }) => ({ name: sourceName, reason: `${target.className} has no place for it` }));
  const carried = left.filter((tensor) => !isOwn(tensor));
  const carriedDrafts = carried.map((tensor) => ({ at: tensor.stored, draft: copyOf(tensor) }));
  return {
    source,
    target,
    className,
    attention: { kind: "longformer", config: longformer },
    sourceAttention,
    length: lengths,
    heads: sizes.heads,
    ...appraise({
      model,
      target: inSourceTerms(model, options.architecture),
      options,
      isNewHead: assigned.created.length > 0,
      attention: ofPlacement(longer, {
        upTo: longformerRow.losslessLength(longformer, shared, own),
        cause: causeOf(longformer, options),
      }),
      shared,
    }),
    configChanges: new Map([
      ...changedKeys(checkpoint.config, config),
      ...formerKeys(sourceAttention, "longformer"),
      ["model_type", variant.modelType],
      ["architectures", [className]],
      ["auto_map", undefined],
      ["base_model_prefix", undefined],
      ...changes,
      // Without it AutoTokenizer would take the new model type's own.
      ...(variant === architecture || !suits
        ? []
        : [["tokenizer_class", config.tokenizer_class ?? architecture.tokenizerClass] as const]),
      ["attention_window", longformer.attention_window],
      ["attention_dilation", longformer.attention_dilation],
      ...raisedLengths(variant, config, lengths),
      ...labelChanges(config, labels),
      ["_name_or_path", undefined],
    ]),
    shards: planShards(checkpoint, [...assigned.placed, ...carriedDrafts]),
    created: assigned.created,
    unreadGlobals: {},
    dropped: [...reconciled.dropped, ...dropped, ...leftBehind(checkpoint, model)],
    carried: carried.map(({ sourceName }) => sourceName),
  };
}

/**
 * A length in whole windows: transformers pads a LED's input to them before it looks positions up.
 * @throws OptionError for one that would cut the table, and is not in whole windows: more would stay than was asked for
 */
function inWindows(asked: number, { attention_window }: LongformerConfig, maxLength: number): number {
  const widest = Math.max(...attention_window);
  const length = Math.ceil(asked / widest) * widest;
  if (asked >= maxLength || length === asked) return length;
  const even = Math.max(MIN_WINDOW, asked + (asked % 2));
  // Windows that are wider than what was asked for leave no shorter table; others are kept, and with them the outputs.
  const remedy =
    widest > even
      ? `Take narrower windows: --attention-window ${even} --max-sequence-length ${even}; or ask for ${Math.max(length, maxLength)} or more.`
      : `Take whole windows: --max-sequence-length ${length - widest} or --max-sequence-length ${length}.`;
  throw new OptionError(
    `--max-sequence-length ${asked} is below the ${maxLength} tokens that the source reads, but transformers pads an LED's ` +
      `input to whole windows, here of ${widest}: its table would have ${length} positions`,
    remedy,
  );
}

/**
 * The model with its padding id, from which Longformer numbers positions: where config.json leaves it out it is 0 in
 * families that do not number positions from it.
 */
function withPadding(model: Model, variant: Architecture, { modelKwargs }: ConversionOptions): Model {
  const isCounted = model.architecture.positions.kind === variant.positions.kind;
  if (isCounted || variant.decoder || model.config.pad_token_id !== undefined) return model;
  return model.as({ kwargs: { ...modelKwargs, pad_token_id: 0 } });
}

/** @throws OptionError for a model whose computation a Longformer cannot hold */
function refuseUnlike({ architecture, config, isLsg, sizes }: Model, variant: Architecture): void {
  const { scaledWhere } = architecture.encoder.embeddings;
  const reasons: [boolean, string][] = [
    [isLsg, "it is an LSG checkpoint, whose global tokens have embeddings of their own"],
    [config.is_decoder === true, "it is causal, and Longformer's windows look both ways"],
    [projects(architecture, sizes), "its embeddings are narrower than its layers"],
    [
      scaledWhere !== undefined &&
        config[scaledWhere] === true &&
        variant.encoder.embeddings.scaledWhere === undefined,
      `${scaledWhere} is true, and ${variant.title} does not scale its embeddings`,
    ],
  ];
  const reason = reasons.find(([applies]) => applies)?.[1];
  if (reason === undefined) return;
  throw new OptionError(
    `--to longformer: this ${architecture.title} has no Longformer variant: ${reason}`,
    "Use --to lsg.",
  );
}

/**
 * The class of the result: the source's own or the one that was asked for, under the variant's name.
 * @throws OptionError for one that Longformers do not have
 */
function targetClass(
  { architecture, source }: Model,
  variant: Architecture,
  requested: string | undefined,
): ModelClass {
  const className = requested ?? (source.head ? source.className : classNameOf(architecture, "Model"));
  // Who asks for a relative's class may take the model for another.
  const isOwn = requested === undefined || classNames(architecture).includes(requested);
  const key = (isOwn ? classKeyOf(architecture, className) : undefined) ?? "";
  const head = variant.heads[key];
  if (head) return { className: classNameOf(variant, key), head };
  if (!Object.hasOwn(architecture.heads, key)) return requestedClass(variant, className);
  const names = Object.keys(variant.heads).filter((known) => Object.hasOwn(architecture.heads, known));
  throw new OptionError(
    `--to longformer: ${className} has no counterpart among ${variant.title}'s classes`,
    `Name another: --architecture ${names.map((name) => classNameOf(architecture, name)).join(", or ")}.`,
  );
}

/** The class of the source's model type that was asked for. */
function inSourceTerms({ architecture, source }: Model, requested: string | undefined): ModelClass {
  const key = requested === undefined ? undefined : classKeyOf(architecture, requested);
  const head = key === undefined ? undefined : architecture.heads[key];
  return key === undefined || !head ? source : { className: classNameOf(architecture, key), head };
}

/** What the heads of the source's model type have, by full names. */
function ownSpecs({ architecture, sizes }: Model): TensorSpec[] {
  return Object.values(architecture.heads).flatMap((head) => headSpecs(architecture, head, sizes));
}

/** Which option of a conversion to Longformer makes its windows narrower than what the source read. */
function causeOf(
  { attention_dilation }: LongformerConfig,
  { attentionWindow, attentionDilation, preset }: ConversionOptions,
): string {
  if (attention_dilation) {
    return attentionDilation
      ? `--attention-dilation ${dilationText(attentionDilation)}`
      : "attention_dilation";
  }
  if (attentionWindow) return `--attention-window ${attentionWindow.join(",")}`;
  return preset === "reference" ? "--preset reference" : "its windows";
}

function longformerNotes(
  { model: { architecture }, result }: PlanInputs,
  { source, target }: WeightPlan,
  config: LongformerConfig,
) {
  const countsPadding =
    architecture.positions.kind === "table" && result.positions.kind === "table behind padding";
  return [
    source.head === undefined &&
      source.className !== COLBERT_CLASS &&
      `${source.className} is not a class that lsg knows: its base model is converted to ${target.className}.`,
    countsPadding &&
      `${result.title} numbers positions from the first token that is no padding: with padding on the left, ` +
        `which ${architecture.title} numbers too, outputs differ.`,
    config.attention_dilation !== undefined &&
      "transformers ignores attention_dilation: opened there, the windows have no gaps and outputs are others. The graphs keep them.",
  ];
}

const DILATION_TEXT =
  "Where `attention_dilation` is n (by layer, or by head within a layer), these are every n-th token of a window n " +
  "times as wide. **transformers ignores `attention_dilation`**: opened there, windows have no gaps and the outputs " +
  "are others; the graphs of `lsg export` compute it.";

function cardText({ attention_window: window, attention_dilation }: LongformerConfig): string {
  const narrowest = Math.min(...window);
  return (
    `A token sees ${narrowest / 2} tokens on either side${new Set(window).size > 1 ? " or more, by layer" : ""}, and ` +
    "those with global attention, which see every token with projections of their own. These start as copies of the " +
    `ordinary ones.${attention_dilation ? ` ${DILATION_TEXT}` : ""}`
  );
}

/** @throws OptionError for a model type of which there is no Longformer */
async function target(source: Architecture): Promise<Architecture> {
  const modelType = longformerType(source);
  if (modelType !== undefined) return findArchitecture(modelType);
  const { longformer, title } = source;
  throw new OptionError(
    `--to longformer: ${title} has no Longformer variant: ${"refused" in longformer ? longformer.refused : ""}`,
    "Use --to lsg.",
  );
}

function refuseForeign(options: ConversionOptions): void {
  const foreign = foreignOption(options, "longformer");
  if (!foreign) return;
  const [lsgKey] = Object.keys(options.lsg);
  const why =
    foreign.owner !== "lsg"
      ? ", and this is a conversion to Longformer"
      : lsgKey !== undefined
        ? "; a Longformer has --attention-window"
        : ": a Longformer has no embeddings of global tokens";
  throw new OptionError(`${foreign.said}${why}`, "Leave it out.");
}

/** A conversion to Longformer, or of one: the classes of another model type, whose names the tensors get. */
export const longformerPlan: VariantPlan<LongformerConfig> = {
  offers: (source) => longformerType(source) !== undefined,
  target,
  readsModules: false,
  refuseForeign,
  plan: planLongformer,
  notes: longformerNotes,
  card: { attention: "Longformer attention", ofLongInputs: "local", proven: "the attention" },
  cardText,
};
