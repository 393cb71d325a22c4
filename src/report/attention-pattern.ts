import { sharedTokens, type WindowsConfig } from "../attention/windows.js";
import { blockViews, hasSparseKeys, keysSeen, localWords, sparseWords } from "./attention-regions.js";
import type { BlockView, DrawnAttention, Span } from "./attention-shape.js";
import { type Markup, markup } from "./markup.js";

const SIZE = { width: 720, height: 384 };
const PLOT = { left: 84, top: 52, side: 320 };

/** Global tokens are too few to be seen beside the others: they get a strip of their own. */
const STRIP = { width: 10, gap: 3 };
const LEGEND = { left: 452, top: 96, line: 28 };
const LABELS = 4;

/**
 * Which keys each query sees, as SVG that takes its colours from the page: one row a query, one column a key.
 * @param length tokens of the input that is shown; `patternLength` finds a good one
 */
export function attentionPattern(shape: DrawnAttention, length: number): Markup {
  const views = blockViews(shape, length);
  const at = (token: number) => Math.round((token / length) * PLOT.side * 10) / 10;
  const box = ({ from, to }: Span, queries: Span) =>
    `M${at(from)} ${at(queries.from)}H${at(to)}V${at(queries.to)}H${at(from)}z`;
  const local = views.map((view) => (shape.causal ? causalPath(view, at) : box(view.local, view.queries)));
  const sparse = views.flatMap((view) => view.sparse.map((span) => box(span, view.queries)));
  const every = shape.block_size * Math.ceil(views.length / LABELS);
  const labels = Array.from({ length: Math.floor(length / every) + 1 }, (_, i) => i * every);
  const borders = views.slice(1).map(({ queries }) => at(queries.from));
  return markup`<svg class="chart" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-labelledby="attention-title attention-desc">
<title id="attention-title">Which tokens see which</title>
<desc id="attention-desc">Attention of an input of ${length} tokens, a row for each query and a column for each key. ${attentionSentence(shape)}</desc>
<g transform="translate(${PLOT.left} ${PLOT.top})">
<path class="unseen" d="M0 0h${PLOT.side}v${PLOT.side}h${-PLOT.side}z"/>
<path class="sparse" d="${sparse.join("")}"/>
<path class="local" d="${local.join("")}"/>
<path class="border" d="${borders.map((b) => `M0 ${b}h${PLOT.side}M${b} 0v${PLOT.side}`).join("")}"/>
${shape.num_global_tokens > 0 ? markup`<path class="global" d="${globalStrips(shape)}"/>` : []}
${labels.map((token) => markup`<text class="tick" x="${at(token)}" y="${-STRIP.width - STRIP.gap - 6}" text-anchor="middle">${token}</text><text class="tick" x="${-STRIP.width - STRIP.gap - 6}" y="${at(token)}" dy=".32em" text-anchor="end">${token}</text>`)}
</g>
<text class="label" x="${PLOT.left + PLOT.side / 2}" y="12" text-anchor="middle">key</text>
<text class="label" transform="translate(14 ${PLOT.top + PLOT.side / 2}) rotate(-90)" text-anchor="middle">query</text>
${legend(shape)}
</svg>`;
}

/** The block before in full, the own block up to the query itself. */
function causalPath({ local, queries }: BlockView, at: (token: number) => number): string {
  const top = at(queries.from);
  const bottom = at(queries.to);
  return `M${at(local.from)} ${top}H${at(queries.from)}L${at(local.to)} ${bottom}H${at(local.from)}z`;
}

/** Global tokens as keys of all queries, and as queries: of all keys, or in causal attention of themselves only. */
function globalStrips({ causal }: DrawnAttention): string {
  const { width, gap } = STRIP;
  const start = -width - gap;
  const row = causal ? width : PLOT.side + width + gap;
  return `M${start} 0h${width}v${PLOT.side}h${-width}zM${start} ${start}h${row}v${width}h${-row}z`;
}

function legend(shape: DrawnAttention): Markup {
  const { num_global_tokens, sparse_block_size, sparsity_factor } = shape;
  const sparse = sparseWords(
    shape,
    `sparse: one key for ${sparsity_factor} tokens, ${sparse_block_size} a side`,
  );
  const entries: (readonly [kind: string, text: string])[] = [["local", localWords(shape)]];
  if (sparse !== undefined) entries.push(["sparse", sparse]);
  if (num_global_tokens > 0) entries.push(["global", `global tokens: ${num_global_tokens} (drawn wider)`]);
  entries.push(["unseen", "not seen"]);
  return markup`${entries.map(([kind, text], i) => {
    const y = LEGEND.top + i * LEGEND.line;
    return markup`<path class="${kind}" d="M${LEGEND.left} ${y - 7}h14v14h-14z"/><text class="label" x="${LEGEND.left + 22}" y="${y}" dy=".32em">${text}</text>`;
  })}`;
}

export function attentionSentence(shape: DrawnAttention): string {
  const { num_global_tokens: globals, causal, windows } = shape;
  if (windows) return windowsSentence(windows);
  const sparseKeys = hasSparseKeys(shape) ? (causal ? 1 : 2) * shape.sparse_block_size : 0;
  const keys = keysSeen(shape);
  const local = keys - sparseKeys - globals;
  const parts = [
    shape.window === undefined ? `${local} in its ${localWords(shape)}` : localWords(shape),
    ...(sparseKeys > 0 ? [`${sparseKeys} sparse keys beyond, one for ${shape.sparsity_factor} tokens`] : []),
    ...(globals > 0 ? [`${globals} global`] : []),
  ];
  return `However long the input, a token sees at most ${keys} keys: ${parts.join(", ")}.`;
}

function windowsSentence(windows: WindowsConfig): string {
  const { window_size: size, window_head: head, window_tail: tail } = windows;
  const repeated = [...(head > 0 ? [`first ${head}`] : []), ...(tail > 0 ? [`last ${tail}`] : [])].join(
    " and ",
  );
  return (
    `Up to ${size} tokens every token sees every other one; a longer text is read in windows of ${size}, of which neighbours ` +
    `share ${sharedTokens(windows)} or more. Each token is read from the window in which it stands nearest the middle` +
    (repeated === "" ? "." : `, and every window repeats the text's ${repeated}.`)
  );
}
