import { attentionPattern } from "../report/attention-pattern.js";
import { blockViews, type Span } from "../report/attention-regions.js";
import type { DrawnAttention } from "../report/attention-shape.js";
import { STYLE } from "../report/html-style.js";
import { type Colour, encodePng } from "../report/png.js";
import type { Inspection } from "./types.js";

/** Of a PNG picture. */
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
