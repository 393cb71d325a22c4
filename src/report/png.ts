import { crc32, deflateSync } from "node:zlib";

/** Of every PNG file (PNG specification, 5.2). */
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BITS = 8;
/** Colour type of pixels that are entries of a palette. */
const INDEXED = 3;

export type Colour = readonly [red: number, green: number, blue: number];

/**
 * A PNG file of pixels with few colours.
 * @param pixels rows from the top, each of as many entries of the palette
 * @param palette at most 256 colours
 */
export function encodePng(pixels: readonly Uint8Array[], palette: readonly Colour[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(pixels[0]?.length ?? 0, 0);
  header.writeUInt32BE(pixels.length, 4);
  header.set([BITS, INDEXED, 0, 0, 0], 8);
  // Each row begins with its filter: 0 for none.
  const rows = pixels.flatMap((row) => [Buffer.of(0), row]);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
