import { blockViews, localWords, sparseWords } from "./attention-regions.js";
import type { DrawnAttention } from "./attention-shape.js";

/** Two characters a cell make it about square. */
const CELLS = { global: "▒▒", local: "██", sparse: "░░", diagonal: "█▖", unseen: "··" };

/** The attention pattern in characters: a row for each block of queries, a column for each block of keys. */
export function textPattern(shape: DrawnAttention, length: number): string {
  const views = blockViews(shape, length);
  const { causal, num_global_tokens: globals } = shape;
  const rows = views.map(({ queries, ...view }) => {
    const cells = views.map(({ queries: keys }) => {
      if (causal && keys.from === queries.from) return CELLS.diagonal;
      if (view.local.from <= keys.from && keys.from < view.local.to) return CELLS.local;
      return view.sparse.some(({ from, to }) => from < keys.to && keys.from < to)
        ? CELLS.sparse
        : CELLS.unseen;
    });
    return (globals > 0 ? CELLS.global : "") + cells.join("");
  });
  const globalRow = CELLS.global + (causal ? CELLS.unseen : CELLS.global).repeat(views.length);
  const sparse = sparseWords(shape, "some of the block's keys (sparse)");
  const legend = [
    `${CELLS.local} ${localWords(shape)}`,
    ...(sparse === undefined ? [] : [`${CELLS.sparse} ${sparse}`]),
    ...(globals > 0 ? [`${CELLS.global} global tokens`] : []),
    `${CELLS.unseen} not seen`,
  ];
  return [...(globals > 0 ? [globalRow] : []), ...rows, "", legend.join("   ")].join("\n");
}
