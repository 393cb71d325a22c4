import type { Model } from "../model/model.js";
import type { FloatTensor } from "../runtime/tensors.js";
import type { AlignedTokens, TextTokenizer } from "../runtime/text-tokenizer.js";
import type { PredictionKind } from "./kinds.js";
import type { Pieces } from "./pieces.js";
import type { ModelInput, Prediction } from "./types.js";

/** Tokens for one pass of the model, special ones included, at most as many as the model reaches. */
export interface TokenRow {
  readonly ids: readonly number[];
  /** `token_type_ids`; all 0 where they are left out. */
  readonly types?: readonly number[] | undefined;
}

/**
 * What a model gives for one row, padding cut off, by output name: `logits` (labels) of classes, (tokens, labels) of
 * entities; `start_logits`, `end_logits` (tokens); `last_hidden_state` (tokens, hidden); `sentence_embedding` (width);
 * a ColBERT's `output` (tokens, width); of a model that scores words or writes texts the encoder's `last_hidden_state`.
 * float32.
 */
export type RowOutputs = Readonly<Record<string, FloatTensor>>;

/** Something to predict of. */
export interface Asked {
  readonly input: ModelInput;
  /** For error messages: a file and line. */
  readonly place?: string | undefined;
}

/** A prediction, and what of the document it is of. @typeParam T what was asked */
export interface Predicted<T extends Asked = Asked> {
  readonly asked: T;
  readonly prediction: Prediction;
  /** Tokens of the document, special ones included; of several choices the longest's. */
  readonly tokens: number;
  /** Of them those that were read: fewer where it was cut. */
  readonly read: number;
}

/** A model that is open to be asked about documents. Whoever opened it closes it. */
export interface Predictor {
  readonly model: Model;
  readonly kind: PredictionKind;
  /** By their number. */
  readonly labels: readonly string[];
  /** Tokens that the model reads at once, special ones included; infinite for one that reads windows of any text. */
  readonly maxLength: number;
  /** The id that fills rows up. */
  readonly padId: number;
  readonly tokenizer: TextTokenizer;
  /**
   * The tokens of a document, not cut: one list, or of several choices one for each.
   * @throws CheckpointError if the tokenizer fails
   */
  tokenize(input: ModelInput): Promise<AlignedTokens[]>;
  /** What the model reads of a document at once, cut or in chunks where that is not all. */
  pieces(tokens: AlignedTokens, isPair: boolean): Pieces;
  /**
   * Runs rows as they are, in batches of like lengths, and gives their outputs in the order of the rows.
   * @param names of the outputs to keep; all by default
   * @throws CheckpointError for a row that the runtime refuses
   */
  outputs(rows: readonly TokenRow[], names?: readonly string[]): Promise<RowOutputs[]>;
  /**
   * Scores of all words in some places of a row, of a masked language model: (places, vocabulary), float32. Those of other
   * tokens are not computed.
   * @throws Error unless `kind` is `words`
   */
  wordScores(row: TokenRow, places: readonly number[]): Promise<FloatTensor>;
  /**
   * Writes a text behind a row, the likeliest token each time.
   * @returns ids, the one that ends the text included
   * @throws Error unless `kind` is `text`
   */
  write(row: TokenRow, maxTokens: number): Promise<number[]>;
  /**
   * Predictions in the order of the documents, of which some dozens are read ahead and run by length.
   * @throws OptionError for a document that the model cannot be asked about, or that is too long and refused
   */
  predict<T extends Asked>(asked: AsyncIterable<T> | Iterable<T>): AsyncIterable<Predicted<T>>;
  /** May be called twice. */
  close(): Promise<void>;
}
