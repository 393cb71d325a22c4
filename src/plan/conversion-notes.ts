import type { Architecture } from "../architectures/architecture.js";
import { configClass } from "../architectures/class-names.js";
import { type ModelingCode, NEEDS_CODE } from "../architectures/modeling.js";
import { isBase, taskOf } from "../architectures/tasks.js";
import { scoreBytes } from "../attention/score-memory.js";
import { codeOf, isSparseAttention, seenInFull, widthOf } from "../attention/variants.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { LIBRARIES, type ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import { headlessNotes, openedClass, plainClass } from "../model/classes.js";
import { groupNames } from "../model/strangers.js";
import { DEFAULT_MAX_SEQUENCE_LENGTH, type Positions } from "../options/schemas.js";
import { cutSentence } from "./model-card.js";
import type { TokenIds } from "./place.js";
import type { PlanInputs } from "./plan-inputs.js";
import { measuredSentence, PLACEMENTS } from "./positions.js";
import { promiseSentence } from "./promise.js";
import { inParts, variantNotes } from "./variants.js";
import type { WeightPlan } from "./weights.js";

/** What a user should know and the plan's data does not show. */
export function conversionNotes(inputs: PlanInputs, weights: WeightPlan): string[] {
  const { options } = inputs;
  const { checkpoint, architecture } = inputs.model;
  const { source, target, created, carried, length, promise, findings } = weights;
  const { headless } = source;
  const isBody = target.head && isBase(target.head);
  const all: (string | false)[] = [
    ...headlessNotes(source, "converted"),
    headless === undefined &&
      source.head !== undefined &&
      namedOtherwise(checkpoint.config, source.className) &&
      `config.json names ${configClass(checkpoint.config)}; by its model_type, ${architecture.modelType}, transformers opens ${source.className}, and so does lsg.`,
    created.length > 0 &&
      `${target.className} has a new head, as from transformers (seed ${options.seed}); it must be trained: ${created.join(", ")}.`,
    carried.length > 0 &&
      `Carried along, though ${openedClass(target.className, inputs.result)} does not have them: ${groupNames(carried)}.`,
    inputs.tokens.asked !== undefined && tokenNote(inputs.tokens.asked),
    promiseSentence(
      promise,
      isBody && target.className !== source.className ? `${source.className}'s base model` : source.className,
    ),
    ...findings,
    length.to < length.from && cutNote(weights),
    costNote(weights),
    promise.hidden_states_up_to > 1 && beyondNote(inputs, weights),
    measuredSentence(options.positions) ?? false,
    ...variantNotes(inputs, weights),
  ];
  return all.filter((note): note is string => note !== false);
}

/** What is lost where the table of positions is cut. */
function cutNote({ source, length: { from, to }, target }: WeightPlan): string {
  const writes = target.head && taskOf(target.head).generates;
  return (
    `${cutSentence({ from, to })} ${source.className} read them.` +
    (writes ? ` The decoder writes no more than ${to} tokens either.` : "")
  );
}

/** The cost of blocks or windows as wide as a long table; false where the table is short. */
function costNote({ attention, heads, length: { from } }: WeightPlan): string | false {
  const full = seenInFull(attention);
  if (inParts(attention) !== undefined) return false;
  if (Math.min(from, full) <= DEFAULT_MAX_SEQUENCE_LENGTH) return false;
  const gigabytes = (scoreBytes(heads, full) / 1e9).toFixed(1);
  return (
    `${widthOf(attention)} tokens: up to ${full} tokens every token sees every other one; the scores of such an input take ` +
    `${gigabytes} GB in float32 in each layer, and time grows likewise. ` +
    `--max-sequence-length ${DEFAULT_MAX_SEQUENCE_LENGTH} cuts the table, and with it the cost.`
  );
}

/** What differs for longer inputs: positions beyond the source's, and attention that does not see everything. */
function beyondNote(
  { model: { architecture }, options }: PlanInputs,
  { attention, length }: WeightPlan,
): string | false {
  if (length.to <= length.from) return false;
  const parts = inParts(attention);
  if (parts !== undefined) return parts;
  const positions = `Beyond ${length.from} tokens ${beyond(architecture, options.positions)}`;
  const best = "fine-tune on long inputs for best results.";
  if (isSparseAttention(attention)) return `${positions}; ${best}`;
  const seen = seenInFull(attention);
  return seen >= length.from
    ? `${positions} and attention is local; ${best}`
    : `Beyond ${seen} tokens attention is local. ${positions}; ${best}`;
}

/** Which tokens were added, and which were there. */
function tokenNote({ ids, added }: NonNullable<TokenIds["asked"]>): string {
  const listed = (isNew: boolean) =>
    Object.entries(ids)
      .filter(([token]) => added.includes(token) === isNew)
      .map(([token, id]) => `${token} (${id})`)
      .join(", ");
  const news = added.length > 0 ? `Added ${listed(true)}: they must be trained. ` : "";
  const kept = listed(false);
  return `${news}${kept && `In the vocabulary already: ${kept}.`}`.trim();
}

/** Whether a config names a relative's class. */
function namedOtherwise(config: Config, className: string): boolean {
  const named = configClass(config);
  return named !== undefined && plainClass(named) !== className;
}

/** What becomes of positions beyond the source's. */
export function beyond({ positions }: Architecture, asked: Positions = "tile"): string {
  return positions.kind === "sinusoidal" ? "positions go on" : PLACEMENTS[asked].beyond;
}

/** What users have to pass to open the result, and what happens if they don't. */
export function openingNotes(
  modeling: ModelingCode | undefined,
  { attention, length, target: { className } }: WeightPlan,
  kind: ModelKind | undefined,
): string[] {
  if (modeling === undefined || modeling.files.size === 0) return [];
  const isRefused = Object.keys(modeling.refusal).length > 0;
  const opensPlain = codeOf(attention.kind)?.opensPlain === true;
  if (!isRefused && !opensPlain) return [];
  const without = isRefused
    ? `transformers and sentence-transformers refuse it (ValueError: ${NEEDS_CODE})`
    : `transformers opens ${className}, which reads ${length.from} tokens and no more`;
  const argument = opensPlain && kind ? LIBRARIES[kind].lengthArgument : undefined;
  const told = argument === undefined ? "" : ` and ${argument}=${length.to}`;
  return [`Open it with trust_remote_code=True${told}: without it ${without}. ONNX graphs open without.`];
}
