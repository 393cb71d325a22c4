import type { DataRow } from "./data/rows.js";
import type { Asked, Predicted } from "./predictor.js";
import type { Prediction } from "./types.js";

/** A row of data that a model is asked about. */
export interface AskedRow extends Asked {
  readonly row: DataRow;
}

/** Columns by which a row is known elsewhere. */
const ID_COLUMNS = ["id", "_id", "guid", "idx"];

/** A prediction as a line of JSON has it: where it is from, what it is, how much was read. */
export function recordOf(
  { asked, prediction, tokens, read }: Predicted<AskedRow>,
  { namesFile }: { readonly namesFile: boolean },
): Record<string, unknown> {
  const { file, line, fields } = asked.row;
  const id = ID_COLUMNS.find((name) => ["string", "number"].includes(typeof fields[name]));
  return {
    ...(namesFile && { file }),
    line,
    ...(id !== undefined && { id: fields[id] }),
    ...predictionRecord(prediction),
    tokens,
    ...(read < tokens && { read }),
  };
}

function predictionRecord(prediction: Prediction): Record<string, unknown> {
  switch (prediction.kind) {
    case "classes": {
      const scores = Object.fromEntries(prediction.labels.map(({ label, score }) => [label, score]));
      return { ...prediction.labels[0], ...(prediction.labels.length > 1 && { scores }) };
    }
    case "entities": {
      const { labels, entities } = prediction;
      return { entities, ...(labels && { labels }) };
    }
    case "answer":
      return { ...prediction.answer };
    case "words":
      return { masks: prediction.masks };
    case "choice":
      return { choice: prediction.choice, scores: prediction.scores };
    case "embedding":
      return { embedding: Array.from(prediction.embedding, shortest) };
    case "token embeddings": {
      const { embeddings, width } = prediction;
      const count = embeddings.length / width;
      return {
        embeddings: Array.from({ length: count }, (_, i) =>
          Array.from(embeddings.subarray(i * width, (i + 1) * width), shortest),
        ),
      };
    }
    case "text":
      return { text: prediction.text };
  }
}

/** Digits that tell every float32 from its neighbours, at least and at most. */
const [FEWEST_DIGITS, MOST_DIGITS] = [6, 9];

/** A float32 in as few digits as tell it from others: JavaScript writes a float64's. */
function shortest(value: number): number {
  for (let digits = FEWEST_DIGITS; digits < MOST_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
