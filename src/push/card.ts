import { type Document, isMap } from "yaml";
import { CheckpointError } from "../base/errors.js";
import { isPrintable } from "../base/printable.js";
import { yamlDocument } from "../base/yaml.js";
import { libraryName, type ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import type { ConversionRecord } from "../plan/types.js";

export const CARD = "README.md";

export interface CardInputs {
  /** The folder's README.md; undefined where there is none. */
  readonly card: string | undefined;
  /** The repository that the card is for. */
  readonly repo: string;
  /** What the folder says of itself; undefined for one that lsg convert did not write. */
  readonly record: ConversionRecord | undefined;
  /** What opens the model, where that is not transformers alone. */
  readonly kind: ModelKind | undefined;
  /** The Hub's task; undefined where there is none, or nobody knows. */
  readonly task: string | undefined;
}

export interface CompletedCard {
  readonly text: string;
  /** Keys of the metadata that were added. */
  readonly completed: readonly string[];
  /** Keys that only the owner can fill in. */
  readonly missing: readonly string[];
}

/** What stands in a converted folder's card for the id that it gets here. */
const PLACEHOLDER = /\bPATH_OR_ID\b/g;

/**
 * Completes a model card: metadata that is known and not there is added, everything else stays as it is.
 * @throws CheckpointError if its metadata cannot be read: the Hub would refuse it, after the upload.
 */
export function completeCard({ card, repo, record, kind, task }: CardInputs): CompletedCard {
  const name = repo.split("/").at(-1);
  const { metadata, body } = splitCard(card ?? `\n# ${name}\n`);
  const { model = "", revision } = record?.source ?? {};
  const known: Readonly<Record<string, string | undefined>> = {
    library_name: libraryName(kind),
    pipeline_tag: task,
    base_model: revision !== undefined && isPrintable(model) ? model : undefined,
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

/** The YAML between two lines of --- at a card's beginning, and its text. */
function splitCard(card: string): { metadata: Document; body: string } {
  const match = /^\ufeff?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/.exec(card);
  const metadata = yamlDocument(match?.[1] ?? "");
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
