import { parseObject } from "../../checkpoint/checkpoint.js";
import { CheckpointError } from "../../errors.js";

/** A tokenizer as a reader of texts needs it. */
export interface TextTokenizer {
  /** Ids with special tokens, not cut. */
  encode(text: string): number[];
  /** A token as text. */
  token(id: number): string;
}

const TOKENIZER = "tokenizer.json";

/**
 * Opens the tokenizer of a folder.
 * @returns undefined where there is no tokenizer.json: slow tokenizers need Python
 * @throws CheckpointError if the file is damaged
 */
export async function openTokenizer(
  contents: ReadonlyMap<string, Buffer>,
): Promise<TextTokenizer | undefined> {
  const json = contents.get(TOKENIZER);
  if (!json) return undefined;
  const config = contents.get("tokenizer_config.json");
  const [tokenizerJson, settings] = [
    parseObject(json, TOKENIZER),
    config ? parseObject(config, "tokenizer_config.json") : {},
  ];
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    const tokenizer = new Tokenizer(tokenizerJson, settings);
    return {
      encode: (text) => tokenizer.encode(text).ids,
      token: (id) => tokenizer.decode([id]).trim() || (tokenizer.id_to_token(id) ?? `#${id}`),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${TOKENIZER} is no tokenizer: ${reason}`, "Restore the file.", {
      cause: error,
    });
  }
}
