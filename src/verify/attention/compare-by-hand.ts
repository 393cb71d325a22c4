import type { WindowsConfig } from "../../attention/windows.js";
import { seededUniform } from "../../base/random.js";
import { counted, formatNumber } from "../../report/numbers.js";
import { decoderIds, HEAD_TOKENS } from "../../runtime/head-question.js";
import { type FloatTensor, type NumberTensor, tokensOf } from "../../runtime/tensors.js";
import type { Outcome } from "../check.js";
import { type Difference, difference, judgeByLength, larger, NO_DIFFERENCE } from "../model/difference.js";
import type { Subject } from "../model/subject.js";
import { type Hand, type HandMade, madeByHand } from "./by-hand.js";
import { hostileRows, type PlacedRow, placedBatch } from "./hostile-rows.js";

/** What long inputs are compared with. */
export interface LongCheck extends Pick<Hand, "source" | "reader"> {
  /** What it is, in a few words. */
  readonly title: string;
}

interface Found {
  readonly length: number;
  readonly what: string;
  readonly difference: Difference;
}

/**
 * Compares what is made of inputs longer than a window with what the original makes of each window alone, cut and put
 * together by their definition: tokens, and the outputs of the head.
 */
export async function compareByHand(
  { converted, inputs, lengths: asked, seed, signal }: Subject,
  { source, reader, title }: LongCheck,
  config: WindowsConfig,
): Promise<Outcome> {
  const { window_size: size } = config;
  const { model } = converted;
  const wanted = asked ?? [size + 1, 2 * size + 1, 3 * size + 5, converted.longest];
  const lengths = [...new Set(wanted)].filter((length) => length > size && length <= converted.longest);
  if (lengths.length === 0)
    return { verdict: "skipped", detail: `no input is longer than a window of ${size}` };
  const hand: Hand = { source, reader, config, padId: inputs.padId };
  const found: Found[] = [];
  for (const [index, length] of lengths.entries()) {
    const shape = { length, seed: seed + length, index, typed: model.readsTokenTypes };
    const rows = hostileRows(inputs.random, config, shape);
    const batch = placedBatch(rows, length, inputs.padId);
    const encoded = await converted.encode(batch);
    const uniform = seededUniform(seed + length);
    const asked = rows.map((row) => askedTokens(row, uniform));
    const picked = rows.flatMap(({ start }, row) => {
      const tokens = asked[row]?.map((token) => start + token) ?? [];
      return tokens.length > 0 ? [{ row, tokens }] : [];
    });
    const decoding = converted.headInputs.includes("decoder_input_ids")
      ? decoderIds(batch, model, inputs, seed)
      : undefined;
    const outputs = converted.head
      ? await converted.outputs(encoded, { tokens: picked, decoderIds: decoding })
      : {};
    let own = 0;
    for (const [i, row] of rows.entries()) {
      if (row.tokens.ids.length === 0) continue;
      signal?.throwIfAborted();
      const expected = await madeByHand(hand, row, {
        tokens: asked[i] ?? [],
        decoderIds: decoding && rowOf(decoding, i),
        length,
      });
      found.push({ length, what: "hidden states", difference: ofTokens(encoded.hidden, i, row, expected) });
      for (const [name, values] of Object.entries(source.head ? expected.outputs : {})) {
        const given = outputs[name];
        const isOfAll = given?.dims[0] === rows.length;
        const actual = given && part(given, isOfAll ? i : own);
        const away = difference(Float32Array.from(values), actual ?? new Float32Array(0));
        found.push({ length, what: name, difference: away });
      }
      own++;
    }
    if (!encoded.hidden.values.every(Number.isFinite)) {
      found.push({
        length,
        what: "padding",
        difference: { ...NO_DIFFERENCE, largest: Number.POSITIVE_INFINITY },
      });
    }
  }
  return judgeByLength(found, {
    what: ` tokens, texts and pairs, with hidden tokens and padding, beside ${title} on each window alone`,
    describe: ({ length, what, difference: { largest } }) =>
      `${what} at ${counted(length, "token")}: ${formatNumber(largest)}`,
    remedy:
      "Windows of long inputs are not read as they are defined: convert again, and report it if that does not help.",
  });
}

/** The first token, and others that are visible. */
function askedTokens({ tokens: { mask } }: PlacedRow, uniform: () => number): number[] {
  const visible = mask.flatMap((seen, token) => (seen === 0 ? [] : [token]));
  if (visible.length === 0) return [];
  const drawn = () => visible[Math.floor(uniform() * visible.length)] ?? 0;
  return [0, ...Array.from({ length: HEAD_TOKENS - 1 }, drawn)];
}

/** How far a row's visible tokens are from what they should be. */
function ofTokens(
  hidden: FloatTensor,
  row: number,
  { start, tokens }: PlacedRow,
  { hidden: expected }: HandMade,
): Difference {
  return tokens.mask
    .flatMap((seen, token) => (seen === 0 ? [] : [token]))
    .map((token) =>
      difference(
        tokensOf(expected, 0, token, token + 1),
        tokensOf(hidden, row, start + token, start + token + 1),
      ),
    )
    .reduce(larger, NO_DIFFERENCE);
}

function rowOf({ dims: [, count = 0], values, dtype }: NumberTensor, row: number): NumberTensor {
  return { dims: [1, count], values: Array.from(values).slice(row * count, (row + 1) * count), dtype };
}

/** One row of an output. */
function part({ dims: [rows = 1], values }: FloatTensor, row: number): Float32Array {
  const width = values.length / rows;
  return values.subarray(row * width, (row + 1) * width);
}
