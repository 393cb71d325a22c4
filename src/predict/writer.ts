import { CheckpointError } from "../base/errors.js";
import { largestIndex } from "../base/extremes.js";
import { readGenerationSettings } from "../model/generation-settings.js";
import type { Model } from "../model/model.js";
import { decoderHeads } from "../onnx/decoder.js";
import type { Batch } from "../runtime/batch.js";
import type { Session } from "../runtime/session.js";
import type { FloatTensor, NumberTensor } from "../runtime/tensors.js";

/** Writes a text token by token, the likeliest each time, and keeps what the decoder has computed. */
export interface Writer {
  /**
   * @param batch of one row
   * @returns ids without the one to begin with; the last ends the text, unless there were too many
   */
  write(batch: Batch, maxTokens: number): Promise<number[]>;
}

/** What a decoder keeps between two passes, by the names behind `present.` and `past_key_values.`. */
type Kept = Readonly<Record<string, NumberTensor>>;

/**
 * @param encode gives `last_hidden_state` of a batch
 * @param decoder the merged one, which begins and goes on
 */
export function openWriter(
  model: Model,
  encode: (batch: Batch) => Promise<Readonly<Record<string, FloatTensor>>>,
  decoder: Session,
): Writer {
  const { numHeads, headDim } = decoderHeads(model);
  const nothing = { dims: [1, numHeads, 0, headDim], values: new Float32Array(0), dtype: "float32" } as const;
  const past = decoder.inputNames.filter((name) => name.startsWith(PAST));
  const empty: Kept = Object.fromEntries(past.map((name) => [name.slice(PAST.length), nothing]));
  const { vocab, decoder: sizes } = model.sizes;
  return {
    async write(batch, maxTokens) {
      const settings = readGenerationSettings(model.config, await model.contents());
      if (!settings) {
        throw new CheckpointError(
          `${model.checkpoint.source.name} says nowhere what a text begins with`,
          "Put decoder_start_token_id into its config.json or generation_config.json.",
        );
      }
      const { start, forcedBos, forcedEos, ends } = settings;
      const { last_hidden_state: states } = await encode(batch);
      const { attention_mask: mask } = batch.inputs;
      if (!states || !mask) throw new Error("an encoder gives hidden states of a batch with its mask");
      const most = Math.min(maxTokens, sizes?.positions ?? maxTokens);
      const ids = [start];
      let kept = empty;
      while (ids.length <= most) {
        const isFirst = ids.length === 1;
        const results = await decoder.run({
          encoder_attention_mask: mask,
          input_ids: { dims: [1, 1], values: ids.slice(-1), dtype: "int64" },
          encoder_hidden_states: { ...states, dtype: "float32" },
          ...Object.fromEntries(Object.entries(kept).map(([name, tensor]) => [PAST + name, tensor])),
          use_cache_branch: { dims: [1], values: [Number(!isFirst)], dtype: "bool" },
        });
        kept = { ...kept, ...newlyKept(results) };
        const scores = results.logits?.values.subarray(-vocab) ?? new Float32Array(vocab);
        const forced = isFirst ? forcedBos : ids.length === most ? forcedEos : undefined;
        const next = forced ?? largestIndex(scores);
        ids.push(next);
        if (ends.includes(next)) break;
      }
      return ids.slice(1);
    },
  };
}

const PAST = "past_key_values.";
const PRESENT = "present.";

/** What a pass gave to keep: an empty output is the encoder's, of which the first pass's stay. */
function newlyKept(results: Readonly<Record<string, FloatTensor>>): Kept {
  return Object.fromEntries(
    Object.entries(results)
      .filter(([name, { values }]) => name.startsWith(PRESENT) && values.length > 0)
      .map(([name, tensor]) => [name.slice(PRESENT.length), { ...tensor, dtype: "float32" as const }]),
  );
}
