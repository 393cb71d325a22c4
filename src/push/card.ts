import { type Document, isMap } from "yaml";
import { z } from "zod";
import { CheckpointError, HubError } from "../base/errors.js";
import { type FrontMatter, splitFrontMatter } from "../base/front-matter.js";
import { isPrintable } from "../base/printable.js";
import type { HubClient } from "../checkpoint/hub/client.js";
import { libraryFetch, STAND_IN } from "../checkpoint/hub/library-fetch.js";
import { libraryName, type ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import type { ConversionRecord } from "../plan/types.js";
import { explainPush } from "./errors.js";

export const CARD = "README.md";

export interface CardInputs {
  /** The folder's README.md; undefined where there is none. */
  readonly card: string | undefined;
  readonly repo: string;
  /** What the folder says of itself; undefined for one that lsg convert did not write. */
  readonly record: ConversionRecord | undefined;
  /** What opens the model, where that is not transformers alone. */
  readonly kind: ModelKind | undefined;
  /** The Hub's task; undefined where there is none, or nobody knows. */
  readonly task: string | undefined;
  /** Whether the model was trained since its conversion, so that nothing is compared with the source. */
  readonly isFineTuned: boolean;
}

export interface CompletedCard {
  readonly text: string;
  /** Keys of the metadata that were added. */
  readonly completed: readonly string[];
  /** Keys that only the owner can fill in. */
  readonly missing: readonly string[];
  readonly isFineTuned: boolean;
}

/** What the card of a model says that was trained since its conversion, before all else: the card may be that of before. */
const FINE_TUNED =
  "> **Fine-tuned since its conversion**: it came without a record, so nothing of it was compared with the model that was " +
  "converted, and what this card says of the conversion was said of the model before. `lsg push` found that its attention is " +
  "what it is defined to be, and that no padding changes its outputs.";

/** What stands in a converted folder's card for the id that it gets here. */
const PLACEHOLDER = /\bPATH_OR_ID\b/g;

/**
 * Completes a model card: metadata that is known and not there is added, everything else stays as it is.
 * @throws CheckpointError if its metadata cannot be read: the Hub would refuse it, after the upload.
 */
export function completeCard({ card, repo, record, kind, task, isFineTuned }: CardInputs): CompletedCard {
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
  const said = isFineTuned && !body.includes(FINE_TUNED) ? `\n${FINE_TUNED}\n${body}` : body;
  const isAsItIs = completed.length === 0 && said === body;
  const text = isAsItIs ? (card ?? body) : metadata.contents === null ? said : withMetadata(metadata, said);
  return {
    text: text.replace(PLACEHOLDER, () => repo),
    completed,
    missing: ["license", "base_model"].filter(isAbsent),
    isFineTuned,
  };
}

/** A card's parts. @throws CheckpointError for metadata that cannot be read */
function splitCard(card: string): FrontMatter {
  const { metadata, body } = splitFrontMatter(card);
  const problem = metadata.errors[0]?.message.split(/:?\n/, 1)[0] ?? "it is no table of keys";
  if (metadata.errors.length > 0 || (metadata.contents !== null && !isMap(metadata.contents))) {
    throw new CheckpointError(
      `${CARD}: the metadata between its first two lines of --- cannot be read: ${problem}`,
      "Correct these lines, or remove them: what is known is filled in.",
    );
  }
  return { metadata, body };
}

function withMetadata(metadata: Document, body: string): string {
  return `---\n${metadata.toString({ lineWidth: 0 })}---\n${body}`;
}

class CardError extends HubError {}

const AnswerSchema = z.object({ warnings: z.array(z.object({ message: z.string() })).default([]) });

interface ValidateOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onWarning: (text: string) => void;
}

/**
 * Has the Hub validate a card's metadata: else it would refuse the commit after hours of uploading. A server without
 * this check is accepted.
 * @throws HubError if it refuses it.
 */
export async function validateCard(
  client: HubClient,
  repo: string,
  text: string,
  { signal, onWarning }: ValidateOptions,
): Promise<void> {
  const ask = libraryFetch(client, () => ({
    subject: { repo, revision: "main" },
    signal,
    once: true,
    async explain(response, ...others) {
      const { message } = await explainPush(response, ...others);
      if (response.status !== 400) return new HubError(message);
      return new CardError(`${CARD}: ${message}`, "Correct the lines between --- at its top.");
    },
  }));
  try {
    const answer = await ask(`${client.environment.endpoint}/api/validate-yaml`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: STAND_IN.accessToken },
      body: JSON.stringify({ content: text, repoType: "model" }),
    });
    const { warnings } = AnswerSchema.parse(await answer.json());
    for (const { message } of warnings) onWarning(`${CARD}: ${message}`);
  } catch (error) {
    signal?.throwIfAborted();
    const isAnswer = error instanceof HubError || error instanceof SyntaxError || error instanceof z.ZodError;
    if (error instanceof CardError || !isAnswer) throw error;
  }
}
