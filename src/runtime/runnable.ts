import type { Head } from "../architectures/architecture.js";
import type { GenerationSettings } from "../model/generation-settings.js";
import type { Model } from "../model/model.js";
import type { Batch } from "./batch.js";
import type { HeadQuestion } from "./head-question.js";
import type { FloatTensor } from "./tensors.js";

/**
 * A model that can be run, as two graphs: the encoder, which is all of most base models, and what follows it, the
 * decoder if there is one and the head. A head need not see every token, and a decoder runs more than once.
 */
export interface Runnable {
  readonly model: Model;
  /** Undefined where nothing follows the encoder. */
  readonly head: Head | undefined;
  /** What the graph behind the encoder reads: `decoder_input_ids` is among it where the decoder has its own input. */
  readonly headInputs: readonly string[];
  /** How it generates; undefined where nothing says what it begins with. */
  readonly generation: GenerationSettings | undefined;
  /** Tokens that its position table reaches. */
  readonly maxLength: number;
  /** Tokens of the longest inputs that it can be run with here: as many as the table reaches, or memory allows. */
  readonly longest: number;
  /** Where the encoder's graph lies. */
  readonly graphPath: string;
  /** Seconds that the slowest of its steps took so far: what graphs that do the same are measured by. */
  slowest(): number;
  encode(batch: Batch): Promise<Encoded>;
  /** What follows the encoder, by output name; without a head the encoder's own `last_hidden_state`. */
  outputs(encoded: Encoded, question: HeadQuestion): Promise<Record<string, FloatTensor>>;
}

/** What an encoder made of a batch. */
export interface Encoded {
  readonly batch: Batch;
  /** Of the tokens: (batch, length, hidden). */
  readonly hidden: FloatTensor;
  /** The same behind those of the global tokens, where these are passed on to a decoder. */
  readonly states: FloatTensor;
}
