import { OptionError } from "../../base/errors.js";
import type { DataRow } from "../../predict/data/rows.js";
import type { ModelInput } from "../../predict/types.js";
import { compareTags, ENTITY_METRICS } from "../metrics/entities.js";
import { ratioOfSums } from "../metrics/metric.js";
import { labelNumber, listOf, refuseRow } from "./columns.js";
import { figuresOf, type Job, oneItemEach, predictions } from "./job.js";

/** A word that was cut away has no tag, which counts as this one. */
const OUTSIDE = "O";

/** Words, and the tag of each: `tokens` and `ner_tags`. */
export function tagsJob(
  rows: readonly DataRow[],
  items: readonly ModelInput[],
  column: string,
  labels: readonly string[],
): Job {
  const actual = rows.map((row, i) => {
    const tags = listOf(row.fields[column]).map((tag) => labels[labelNumber(row, column, tag, labels)] ?? "");
    const count = wordsOf(items[i]).length;
    if (tags.length === count) return tags;
    return refuseRow(row, `${column} has ${tags.length} tags, and there are ${count} words`);
  });
  return {
    title: "named entities",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: "tags",
    ask: askForTags(items),
    score: (outcomes) =>
      figuresOf(
        ENTITY_METRICS,
        (outcomes as string[][]).map((tags, i) => compareTags(actual[i] ?? [], tags)),
      ),
  };
}

/** Words without tags. */
export function tagLikenessJob(items: readonly ModelInput[]): Job {
  return {
    title: "tags without labels: agreement",
    noun: "document",
    items,
    units: oneItemEach(items),
    recipe: "tags",
    isRelative: true,
    ask: askForTags(items),
    score(outcomes, reference = []) {
      const pairs = (outcomes as string[][]).map((tags, i) => [tags, reference[i] as string[]] as const);
      const same = pairs.map(([tags, others]) => tags.filter((tag, i) => tag === others[i]).length);
      const estimate = ratioOfSums(
        same,
        pairs.map(([tags]) => tags.length),
      );
      return [{ name: "agreement", better: "higher", estimate }];
    },
  };
}

function wordsOf(item: ModelInput | undefined): readonly string[] {
  return item?.kind === "words" ? item.words : [];
}

function askForTags(items: readonly ModelInput[]): Job["ask"] {
  return predictions(items, "entities", ({ labels }, item) => {
    if (!labels) throw new OptionError("tags are of words, and there is a text", "Give a column tokens.");
    return wordsOf(items[item]).map((_, i) => labels[i] || OUTSIDE);
  });
}
