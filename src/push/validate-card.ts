import { z } from "zod";
import { HubError } from "../base/errors.js";
import type { HubClient } from "../checkpoint/hub/client.js";
import { libraryFetch, STAND_IN } from "../checkpoint/hub/library-fetch.js";
import { CARD } from "./card.js";
import { explainPush } from "./errors.js";

/** Metadata that the Hub refuses. */
class CardError extends HubError {}

const AnswerSchema = z.object({ warnings: z.array(z.object({ message: z.string() })).default([]) });

export interface ValidateOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onWarning: (text: string) => void;
}

/**
 * Asks the Hub what it thinks of a card's metadata: it would refuse the commit, after hours of uploading. A server
 * that cannot be asked is none the worse.
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
