import { writeFile } from "node:fs/promises";
import { crc32, deflateSync } from "node:zlib";
import { OptionError, OutputError } from "../base/errors.js";
import { attentionPattern } from "../report/attention-pattern.js";
import { blockViews } from "../report/attention-regions.js";
import type { DrawnAttention, Span } from "../report/attention-shape.js";
import { STYLE } from "../report/html-style.js";
import type { Inspection } from "./types.js";

const SIDE = 768;
/** Global tokens are too few to be seen beside the others: a band of its own, and a gap. */
const BAND = { width: 16, gap: 4 };

/** The report's colours in light mode: nothing, not seen, local, sparse, global. */
const PALETTE = ["#ffffff", "#f5f6f8", "#0b66a8", "#7db4dc", "#a03d93"].map(colour);
const [NOTHING, UNSEEN, LOCAL, SPARSE, GLOBAL] = [0, 1, 2, 3, 4] as const;

/** The attention pattern as a file. @param path ends in `.svg` or `.png` */
export function drawPicture(path: string, { attention, length }: NonNullable<Inspection["drawn"]>): Buffer {
  return path.endsWith(".png") ? patternPng(attention, length) : Buffer.from(patternSvg(attention, length));
}

/** The report's picture as a file of its own, with the style that a page would give it. */
function patternSvg(attention: DrawnAttention, length: number): string {
  const { markup } = attentionPattern(attention, length);
  return markup
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" ')
    .replace(/(<desc.*?<\/desc>)/s, `$1\n<style>${STYLE}</style>`);
}

/** The same without words: queries downwards, keys to the right. */
function patternPng(attention: DrawnAttention, length: number): Buffer {
  const { causal, num_global_tokens: globals } = attention;
  const before = globals > 0 ? BAND.width + BAND.gap : 0;
  const at = (token: number) => before + Math.round((token / length) * SIDE);
  const rows = Array.from({ length: before + SIDE }, () => new Uint8Array(before + SIDE).fill(NOTHING));
  const fill = (from: number, to: number, keys: readonly [number, number], value: number) => {
    for (const row of rows.slice(from, to)) row.fill(value, ...keys);
  };
  fill(before, before + SIDE, [before, before + SIDE], UNSEEN);
  const box = (queries: Span, keys: Span, value: number) =>
    fill(at(queries.from), at(queries.to), [at(keys.from), at(keys.to)], value);
  for (const { queries, local, sparse } of blockViews(attention, length)) {
    for (const span of sparse) box(queries, span, SPARSE);
    box(queries, local, LOCAL);
    if (!causal) continue;
    for (let y = at(queries.from); y < at(queries.to); y++) rows[y]?.fill(UNSEEN, y + 1, before + SIDE);
  }
  if (globals > 0) {
    fill(0, before + SIDE, [0, BAND.width], GLOBAL);
    fill(0, BAND.width, [0, causal ? BAND.width : before + SIDE], GLOBAL);
  }
  return encodePng(rows, PALETTE);
}

function colour(hex: string): Colour {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Writes the attention pattern.
 * @param path ends in `.svg` or `.png`
 * @throws OptionError where there is no pattern, OutputError where the file cannot be written
 */
export async function writePicture(path: string, { drawn, model }: Inspection): Promise<void> {
  if (!drawn) {
    throw new OptionError(
      `--picture ${path}: ${model} has full attention, and no conversion that would have another`,
      "Leave the flag out.",
    );
  }
  const picture = drawPicture(path, drawn);
  await writeFile(path, picture).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OutputError(`${path} cannot be written: ${reason}`, "Name a file in a folder that is there.", {
      cause: error,
    });
  });
}

/** Of every PNG file (PNG specification, 5.2). */
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BITS = 8;
/** Colour type of pixels that are entries of a palette. */
const INDEXED = 3;

type Colour = readonly [red: number, green: number, blue: number];

/**
 * A PNG file of pixels with few colours.
 * @param pixels rows from the top, each of as many entries of the palette
 * @param palette at most 256 colours
 */
function encodePng(pixels: readonly Uint8Array[], palette: readonly Colour[]): Buffer {
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
