import { posix } from "node:path";
import { type AutoClass, TASKS } from "../architectures/tasks.js";
import { type LocalAttention, seenInFull, titleOf } from "../attention/variants.js";
import { GRAPH_DTYPES, type GraphDtype, inDtype } from "../base/graph-dtypes.js";
import { escapeMarkdown, markdownCode } from "../base/markdown.js";
import { printableDocument } from "../base/printable.js";
import { GENERATION_FILES, GRAPH_FILE } from "../checkpoint/graph-files.js";
import { isRecord } from "../json/json-edit.js";
import { groupNames } from "../model/strangers.js";
import { flagName } from "../options/flags.js";
import type { TokenIdMap } from "../tokenizer/add-tokens.js";
import { cardMetadata } from "./model-card-metadata.js";
import { mustBeTrusted, type OpeningInputs, opening } from "./model-card-opening.js";
import { promiseSentence } from "./promise.js";
import type { ConversionRecord } from "./types.js";
import { untrainedSentences } from "./untrained.js";
import { cardText, inParts, PLANS } from "./variants.js";

export interface ModelCardInputs extends OpeningInputs {
  /** What becomes of positions that the source had none for: "positions repeat". */
  readonly beyond: string;
  /** What was measured of positions that are an experiment. */
  readonly positions: string | undefined;
  /** Whether every machine has the memory for the longest inputs: a verification leaves no length out. */
  readonly isAffordable: boolean;
  /** Tensors that the source did not have, drawn anew: an untrained head. */
  readonly created: readonly string[];
  /** Tensors that the result holds and its class does not have. */
  readonly carried: readonly string[];
  /** Texts that were cut before the original read them, a sentence each. */
  readonly cuts: readonly string[];
  /** The source's README.md, if it has one. */
  readonly originalCard: string | undefined;
}

/**
 * The README.md of a converted checkpoint: metadata for the Hub, what was done and what it means, and the
 * original's card. It holds no time, no path and nothing that changes from run to run: the same inputs give
 * the same text.
 *
 * @returns The text, and a sentence for everything of the original's metadata that could not be carried over.
 */
export function modelCard(inputs: ModelCardInputs): {
  readonly text: string;
  readonly notes: readonly string[];
} {
  const { frontMatter, body, notes } = cardMetadata(inputs);
  const sections = [
    introduction(inputs),
    lossless(inputs),
    ...(inputs.record.options.run_test === true ? [verified(inputs)] : []),
    attention(inputs.attention),
    ...(inputs.record.added_tokens ? [addedTokens(inputs.record.added_tokens)] : []),
    opening(inputs),
    ...graphs(inputs.record, inputs.auto),
    options(inputs.record),
    ...(body.trim() === "" ? [] : [`## Card of the original\n\n${printableDocument(body.trim())}`]),
  ];
  return { text: `---\n${frontMatter}---\n\n${sections.join("\n\n")}\n`, notes };
}

function introduction({ record, attention: planned }: ModelCardInputs): string {
  const { source, max_sequence_length: length } = record;
  const name = escapeMarkdown(posix.basename(source.model) || record.model_type);
  const origin =
    source.revision === undefined
      ? name
      : `[${escapeMarkdown(source.model)}](https://huggingface.co/${encodeURI(source.model)}) (revision ${markdownCode(source.revision)})`;
  return (
    `# ${name} for ${length.to} tokens (${titleOf(planned)})\n\n` +
    `This is ${origin}, converted to ${markdownCode(record.architecture)}: ${PLANS[record.variant].card.attention}, ` +
    `context ${length.to < length.from ? "cut" : "raised"} from ${length.from} to ${length.to} tokens. Nothing was trained.` +
    mustBeTrusted(record)
  );
}

function lossless(inputs: ModelCardInputs): string {
  const { record, attention: planned, created, carried, cuts, beyond, positions, auto } = inputs;
  const { max_sequence_length: length, promise } = record;
  const { lossless_up_to: limit, hidden_states_up_to: hidden } = promise;
  const points = [
    limit > 1 && promise.why === undefined
      ? `Inputs of up to ${limit} tokens: lossless. The outputs are the original's, but for rounding.`
      : escapeMarkdown(promiseSentence(promise)),
    ...cuts.map(escapeMarkdown),
  ];
  if (hidden < length.to) points.push(inParts(planned) ?? longInputs(record, seenInFull(planned), beyond));
  if (positions !== undefined) points.push(escapeMarkdown(positions));
  if (length.to > length.from && created.length === 0) points.push(untrainedSentences(record.variant, auto));
  if (length.to < length.from) points.push(`${cutSentence(length)} The original read them.`);
  if (created.length > 0) points.push("The head is new: its weights are random, and it must be trained.");
  if (carried.length > 0) {
    points.push(
      `Tensors that ${markdownCode(record.architecture)} does not have are carried along: ${escapeMarkdown(groupNames(carried))}.`,
    );
  }
  return `## What is lossless\n\n${points.map((point) => `- ${point}`).join("\n")}`;
}

/** Which inputs a shorter table loses. */
export function cutSentence({ from, to }: ConversionRecord["max_sequence_length"]): string {
  return `Inputs of ${to + 1 === from ? from : `${to + 1} to ${from}`} tokens are now cut.`;
}

/** What is new in inputs that the original did not read, or not with this attention. */
function longInputs(
  { variant, max_sequence_length: { from, to }, promise }: ConversionRecord,
  seen: number,
  beyond: string,
): string {
  const attention = `attention is ${PLANS[variant].card.ofLongInputs}`;
  const isPromised = promise.hidden_states_up_to > 1;
  const what =
    seen >= from || !isPromised
      ? `${isPromised ? "Longer" : "Long"} inputs: ${from < to ? `${beyond} and ` : ""}${attention}.`
      : `Beyond ${seen} tokens ${attention}${from < to ? `, and beyond ${from} ${beyond}` : ""}.`;
  const untrained = from < to ? "trained for neither" : "not trained for that";
  return `${what} The original was ${untrained}: for best results, fine-tune on long inputs.`;
}

/** Only a folder that passed is ever put in place, so the card can say so before the verification is run. */
function verified({ record, isAffordable }: ModelCardInputs): string {
  const { lossless_up_to: limit, hidden_states_up_to: hidden } = record.promise;
  const what = limit === hidden ? "outputs" : "hidden states of the base model";
  const points = [
    "weights, config.json, tokenizer and every other file are byte for byte what the original and the options ask for;",
    `${PLANS[record.variant].card.proven} computes what it is defined to, at lengths around the borders of blocks and up to the longest;`,
    hidden > 0
      ? `inputs of up to ${hidden} token${hidden === 1 ? "" : "s"} give the original's ${what}, to float32's rounding;`
      : "how far the outputs are from the original's was measured, and nothing is promised about it;",
    `outputs are finite and independent of batch and padding up to ${record.max_sequence_length.to} tokens.`,
  ];
  const memory = isAffordable
    ? ""
    : "\n\nLong inputs take much memory here: those that the machine had none for were not looked at. The report of " +
      "`lsg verify` names them.";
  return (
    "## Verified\n\n`lsg convert --run-test` put this folder in place only after it had found that\n\n" +
    `${points.map((point) => `- ${point}`).join("\n")}\n\n\`lsg verify\` finds out again.${memory}`
  );
}

function attention(planned: LocalAttention): string {
  const keys = Object.entries(planned.config);
  return `## Attention\n\n${cardText(planned)}\n\n${table(["key of config.json", "value"], keys)}`;
}

function options({ options: { lsg, ...others } }: ConversionRecord): string {
  const rows = [...Object.entries(others), ...Object.entries(lsg)]
    .filter(([, value]) => value !== undefined && !(isRecord(value) && Object.keys(value).length === 0))
    .map(([key, value]): [string, unknown] => [flagName(key), value]);
  return `## How it was made\n\nBy \`lsg convert\` with these options:\n\n${table(["option", "value"], rows)}`;
}

function addedTokens(tokens: TokenIdMap): string {
  return (
    "## Added tokens\n\nSpecial tokens that were added to the tokenizer. Those that it had keep their ids and " +
    "embeddings; the embeddings of the others are random, and must be trained.\n\n" +
    table(["token", "id"], Object.entries(tokens))
  );
}

function table(head: readonly [string, string], rows: readonly (readonly [string, unknown])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const code = (value: unknown) => markdownCode(typeof value === "string" ? value : JSON.stringify(value));
  return [line(head), line(["---", "---"]), ...rows.map((row) => line(row.map(code)))].join("\n");
}

const GRAPH_USES: Readonly<Record<GraphDtype, string>> = {
  fp32: "what the weights say, to float32's rounding",
  fp16: "half the size; for GPUs (masks, norms and selection are safe from overflow)",
  q8: "weights of 8 bits for each output, activations quantised as it runs: fastest on CPUs",
  q4: "weights of 4 bits in blocks of 32, embeddings of 8: smallest, and least exact",
};

/**
 * A model card's section about the graphs that a conversion writes beside the weights; none where it writes none.
 * @param auto the auto class that opens the result
 */
function graphs({ options }: ConversionRecord, auto: AutoClass): string[] {
  const dtypes = GRAPH_DTYPES.filter((dtype) => [options.onnx ?? []].flat().includes(dtype));
  if (dtypes.length === 0) return [];
  const place = options.onnx_weights === "shared" ? "" : "onnx";
  const isWhole = !TASKS[auto].generates || options.task === TASKS.Model.name;
  const names = isWhole ? [GRAPH_FILE] : Object.values(GENERATION_FILES);
  const rows = dtypes.map((dtype) => {
    const files = names.map((name) => `\`${posix.join(place, inDtype(name, dtype))}\``);
    return `| \`${dtype}\` | ${files.join(", ")} | ${GRAPH_USES[dtype]} |`;
  });
  return [`## ONNX\n\n| dtype | files | |\n| --- | --- | --- |\n${rows.join("\n")}`];
}
