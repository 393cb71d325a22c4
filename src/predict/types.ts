/**
 * What a model reads of one document. A question's context, a query's document and a premise's hypothesis are the
 * second text.
 */
export type ModelInput =
  | { readonly kind: "text"; readonly text: string; readonly pair?: string | undefined }
  /** A text that is split into words already, as data of named entities is. */
  | { readonly kind: "words"; readonly words: readonly string[] }
  /** One text before, and several of which one is to be chosen behind it. */
  | { readonly kind: "choices"; readonly text: string; readonly choices: readonly string[] };

/** A label and how sure the model is of it; of a regression its number. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** Characters `[start, end)` of a text, counted as Python and `datasets` count them: by code points. */
export interface CharacterSpan {
  readonly start: number;
  readonly end: number;
}

/** A run of tokens with one label. Of words that were given, `start` and `end` count these. */
export interface Entity extends CharacterSpan {
  /** The label without `B-` and `I-`. */
  readonly entity: string;
  readonly score: number;
  /** The text between `start` and `end`. */
  readonly text: string;
}

/** Where the second text answers the first. */
export interface Answer extends CharacterSpan {
  /** Empty where the model says that there is none. */
  readonly answer: string;
  readonly score: number;
}

/** Words for one mask, the likeliest first. */
export type FilledMask = readonly { readonly word: string; readonly id: number; readonly score: number }[];

export type Prediction =
  /** The likeliest label first. */
  | { readonly kind: "classes"; readonly labels: readonly LabelScore[] }
  | {
      readonly kind: "entities";
      readonly entities: readonly Entity[];
      /** Of each word that was given its label, by its first token; undefined for a text. */
      readonly labels: readonly string[] | undefined;
    }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "words"; readonly masks: readonly FilledMask[] }
  /** Scores are a softmax over the choices. */
  | { readonly kind: "choice"; readonly choice: number; readonly scores: readonly number[] }
  | { readonly kind: "embedding"; readonly embedding: Float32Array }
  /** (tokens, width), row-major. */
  | { readonly kind: "token embeddings"; readonly embeddings: Float32Array; readonly width: number }
  | { readonly kind: "text"; readonly text: string };
