import { type Document, isMap, parseDocument } from "yaml";
import { CheckpointError } from "../base/errors.js";
import type { ConversionRecord } from "../plan/types.js";

export const CARD = "README.md";

export interface CardInputs {
  /** The folder's README.md; undefined where there is none. */
  readonly card: string | undefined;
  /** The repository that the card is for. */
  readonly repo: string;
  /** What the folder says of itself; undefined for one that lsg convert did not write. */
  readonly record: ConversionRecord | undefined;
  /** Whether it is a sentence-transformers folder. */
  readonly sentenceTransformers: boolean;
}

export interface CompletedCard {
  readonly text: string;
  /** Keys of the metadata that were added. */
  readonly completed: readonly string[];
  /** Keys that only the owner can fill in. */
  readonly missing: readonly string[];
}

/** The Hub's tasks by what a class's name ends in; a class without a head gives features. */
const PIPELINE_TAGS: Readonly<Record<string, string>> = {
  ForMaskedLM: "fill-mask",
  ForPreTraining: "fill-mask",
  ForCausalLM: "text-generation",
  LMHeadModel: "text-generation",
  ForConditionalGeneration: "text2text-generation",
  ForSequenceClassification: "text-classification",
  ForTokenClassification: "token-classification",
  ForQuestionAnswering: "question-answering",
  ForMultipleChoice: "multiple-choice",
  Model: "feature-extraction",
};

/** What stands in a converted folder's card for the id that it gets here. */
const PLACEHOLDER = /\bPATH_OR_ID\b/g;

/**
 * Completes a model card: metadata that is known and not there is added, everything else stays as it is.
 * @throws CheckpointError if its metadata cannot be read: the Hub would refuse it, after the upload.
 */
export function completeCard({ card, repo, record, sentenceTransformers }: CardInputs): CompletedCard {
  const name = repo.split("/").at(-1);
  const { metadata, body } = splitCard(card ?? `\n# ${name}\n`);
  const known: Readonly<Record<string, string | undefined>> = {
    library_name: sentenceTransformers ? "sentence-transformers" : "transformers",
    pipeline_tag: sentenceTransformers ? "sentence-similarity" : pipelineTag(record?.architecture),
    base_model: record?.source.revision === undefined ? undefined : record.source.model,
  };
  const isAbsent = (key: string) => (metadata.get(key) ?? "") === "";
  const completed = Object.keys(known).filter((key) => known[key] !== undefined && isAbsent(key));
  for (const key of completed) metadata.set(key, known[key]);
  const text = completed.length > 0 ? withMetadata(metadata, body) : (card ?? body);
  return {
    text: text.replace(PLACEHOLDER, () => repo),
    completed,
    missing: ["license", "base_model"].filter(isAbsent),
  };
}

function pipelineTag(className: string | undefined): string | undefined {
  const ending = Object.keys(PIPELINE_TAGS).find((suffix) => className?.endsWith(suffix));
  return ending === undefined ? undefined : PIPELINE_TAGS[ending];
}

/** The YAML between two lines of --- at a card's beginning, and its text. */
function splitCard(card: string): { metadata: Document; body: string } {
  const match = /^\ufeff?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/.exec(card);
  const metadata = parseDocument(match?.[1] ?? "", { logLevel: "error" });
  const problem = metadata.errors[0]?.message.split(/:?\n/, 1)[0] ?? "it is no table of keys";
  if (metadata.errors.length > 0 || (metadata.contents !== null && !isMap(metadata.contents))) {
    throw new CheckpointError(
      `${CARD}: the metadata between its first two lines of --- cannot be read: ${problem}`,
      "Correct these lines, or remove them: what is known is filled in.",
    );
  }
  return { metadata, body: card.slice(match?.[0].length ?? 0) };
}

function withMetadata(metadata: Document, body: string): string {
  return `---\n${metadata.toString({ lineWidth: 0 })}---\n${body}`;
}
