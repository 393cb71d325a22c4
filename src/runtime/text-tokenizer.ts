import { CheckpointError, LsgError, systemErrorCode } from "../base/errors.js";
import { bundledProgram } from "../base/package.js";
import { startConfined } from "./confined.js";
import { tokenizerLimits } from "./limits.js";

/** What is to become one input of a model: a text or two, or words that nothing may join. */
export type Texts =
  | { readonly text: string; readonly pair?: string | undefined }
  | { readonly words: readonly string[] };

/** The tokens of one input, special ones included, not cut. All arrays are of one length. */
export interface AlignedTokens {
  readonly ids: readonly number[];
  /** `token_type_ids`. */
  readonly types: readonly number[];
  /** Which text a token is of, 0 or 1, or which word; -1 of a special token that the tokenizer adds. */
  readonly sources: readonly number[];
  /** Where a token begins and ends in that text or word, in UTF-16 units, as tokenizers' `offset_mapping` has it; 0 of others. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** Which piece of its text a token is of, as the tokenizer splits texts into words; a given word is one. */
  readonly words: readonly number[];
  /**
   * Whether a token goes on with the word of the one before, as transformers' pipeline for entities decides: by the mark
   * of a WordPiece token, else by the spaces around its beginning.
   */
  readonly continues: readonly boolean[];
}

/** A tokenizer as a reader of texts needs it, in a process of its own: see `openTokenizer` for what it may throw. */
export interface TextTokenizer {
  /** Ids with special tokens, not cut. */
  encode(text: string): Promise<number[]>;
  /** The same with where each token stands. */
  align(texts: Texts): Promise<AlignedTokens>;
  /** Tokens as text, without special ones. */
  decode(ids: readonly number[]): Promise<string>;
  tokens(ids: readonly number[]): Promise<string[]>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** A tokenizer, or why there is none. */
export type OpenedTokenizer =
  | { readonly tokenizer: TextTokenizer /** Of the sample. */; readonly ids: readonly number[] }
  | { readonly reason: string };

/** What the program is told that runs a tokenizer: first the contents of `TOKENIZER_FILES`. */
export type TokenizerRequest =
  | { readonly kind: "open"; readonly files: readonly (Uint8Array | undefined)[]; readonly sample: string }
  | { readonly kind: "encode"; readonly text: string }
  | { readonly kind: "align"; readonly texts: Texts }
  | { readonly kind: "decode" | "tokens"; readonly ids: readonly number[] };

/** The tokenizer itself, and its settings. */
export const TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"] as const;

/**
 * Opens the tokenizer of a folder. Not every tokenizer can be opened without Python: that is not a fault of the
 * folder's.
 * @param sample a text that it must be able to encode
 * @throws CheckpointError if its files are not JSON, LimitError if it does not come to an end, an AbortError
 */
export async function openTokenizer(
  contents: ReadonlyMap<string, Buffer>,
  sample: string,
  signal?: AbortSignal,
): Promise<OpenedTokenizer> {
  const [file] = TOKENIZER_FILES;
  const files = TOKENIZER_FILES.map((name) => contents.get(name));
  if (!files[0]) return { reason: `no ${file}` };
  const { length } = files[0];
  const process = startConfined(bundledProgram("tokenizer-program"), signal);
  const ask = async <T>(request: TokenizerRequest): Promise<T> => {
    try {
      return await process.ask<T>(request, tokenizerLimits(length));
    } catch (error) {
      if (!(error instanceof CheckpointError) || !process.isOver) throw error;
      const Kind = error.constructor as typeof CheckpointError;
      throw new Kind(`${file} does not come to an end: ${error.message}`, error.remedy, { cause: error });
    }
  };
  try {
    const ids = await ask<number[]>({ kind: "open", files, sample });
    const tokenizer: TextTokenizer = {
      encode: (text) => answered(ask({ kind: "encode", text })),
      align: (texts) => answered(ask({ kind: "align", texts })),
      decode: (ids) => answered(ask({ kind: "decode", ids })),
      tokens: (ids) => answered(ask({ kind: "tokens", ids })),
      close: () => process.close(),
    };
    return { tokenizer, ids };
  } catch (error) {
    await process.close();
    if (error instanceof LsgError || systemErrorCode(error) === "ABORT_ERR") throw error;
    return { reason: `${file} cannot be opened here (${error instanceof Error ? error.message : error})` };
  }
}

/** What a tokenizer that could be opened fails at is its own fault, whatever the library throws. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof LsgError || systemErrorCode(error) === "ABORT_ERR") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(`${TOKENIZER_FILES[0]} fails: ${reason}`, undefined, { cause: error });
  }
}
