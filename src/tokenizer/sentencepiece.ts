import { CheckpointError } from "../base/errors.js";

/** Field numbers of sentencepiece_model.proto: `ModelProto.pieces`, `ModelProto.SentencePiece.piece`. */
const PIECES = 1;
const PIECE = 1;

/** Protobuf wire types, with the bytes that a payload of a fixed size takes. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** A varint of a 64-bit number takes no more bytes. */
const MAX_VARINT_BYTES = 10;

/**
 * The pieces of a sentencepiece model in the order of their indices. Everything else in the model (scores,
 * the normalizer's tables, the trainer's settings) is passed over.
 *
 * @param file Names the file in errors.
 * @throws CheckpointError if the bytes are not a protobuf message.
 */
export function* sentencePieces(model: Buffer, file: string): Generator<string> {
  try {
    for (const [field, message] of fields(model)) {
      if (field !== PIECES) continue;
      let piece = "";
      for (const [inner, payload] of fields(message)) if (inner === PIECE) piece = payload.toString("utf8");
      yield piece;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CheckpointError(`${file} is not a sentencepiece model: ${error.message}`, undefined, {
      cause: error,
    });
  }
}

/** The fields of a protobuf message: number and payload. @throws RangeError */
function* fields(message: Buffer): Generator<[field: number, payload: Buffer]> {
  let at = 0;
  while (at < message.length) {
    const tag = varint(message, at);
    const wireType = tag.value % 8;
    let end = tag.end + (FIXED_BYTES[wireType] ?? 0);
    let start = tag.end;
    if (wireType === VARINT || wireType === LENGTH_DELIMITED) {
      const number = varint(message, tag.end);
      start = wireType === VARINT ? tag.end : number.end;
      end = wireType === VARINT ? number.end : number.end + number.value;
    } else if (!(wireType in FIXED_BYTES)) {
      throw new RangeError(`wire type ${wireType} at byte ${at}`);
    }
    if (end > message.length) throw new RangeError(`the field at byte ${at} goes on behind the end`);
    yield [Math.floor(tag.value / 8), message.subarray(start, end)];
    at = end;
  }
}

function varint(message: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = message[start + i];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, end: start + i + 1 };
  }
  throw new RangeError(`no varint at byte ${start}`);
}
