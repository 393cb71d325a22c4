import { parseObject } from "../checkpoint/checkpoint.js";

/** A tokenizer as a reader of texts needs it. */
export interface TextTokenizer {
  /** Ids with special tokens, not cut. */
  encode(text: string): number[];
  /** Tokens as text, without special ones. */
  decode(ids: readonly number[]): string;
  /** A token as text. */
  token(id: number): string;
}

/** A tokenizer, or why there is none. */
export type OpenedTokenizer = { readonly tokenizer: TextTokenizer } | { readonly reason: string };

const TOKENIZER = "tokenizer.json";
const SETTINGS = "tokenizer_config.json";

/**
 * Opens the tokenizer of a folder. Not every tokenizer can be opened without Python: that is no fault of the
 * folder's.
 * @param sample a text that it must be able to encode
 * @throws CheckpointError if its files are not JSON
 */
export async function openTokenizer(
  contents: ReadonlyMap<string, Buffer>,
  sample: string,
): Promise<OpenedTokenizer> {
  const [json, config] = [contents.get(TOKENIZER), contents.get(SETTINGS)];
  if (!json) return { reason: `no ${TOKENIZER}` };
  const parsed = parseObject(json, TOKENIZER);
  const settings = config ? parseObject(config, SETTINGS) : {};
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    const tokenizer = new Tokenizer(parsed, settings);
    tokenizer.encode(sample);
    return {
      tokenizer: {
        encode: (text) => tokenizer.encode(text).ids,
        decode: (ids) => tokenizer.decode([...ids], { skip_special_tokens: true }),
        token: (id) => tokenizer.decode([id]).trim() || (tokenizer.id_to_token(id) ?? `#${id}`),
      },
    };
  } catch (error) {
    return {
      reason: `${TOKENIZER} cannot be opened here (${error instanceof Error ? error.message : error})`,
    };
  }
}
