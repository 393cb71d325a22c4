import { f1, type Metric } from "./metric.js";

export interface TagsAnswer {
  /** Counts of a document's entities; metrics need no more of them. */
  readonly hits: number;
  readonly predicted: number;
  readonly actual: number;
  /** Tokens (words) with the right tag, and all. */
  readonly rightTags: number;
  readonly tags: number;
}

/** Entities of all documents together (seqeval's `average="micro"`), and tags. */
export const ENTITY_METRICS: readonly Metric<TagsAnswer>[] = [
  {
    name: "entity_f1",
    better: "higher",
    prepare: (answers) => (weights) => {
      const sum = (of: (answer: TagsAnswer) => number) =>
        answers.reduce((total, answer, i) => total + (weights[i] ?? 0) * of(answer), 0);
      return f1(
        sum(({ hits }) => hits),
        sum(({ predicted }) => predicted),
        sum(({ actual }) => actual),
      );
    },
  },
  share(
    "entity_precision",
    ({ hits }) => hits,
    ({ predicted }) => predicted,
  ),
  share(
    "entity_recall",
    ({ hits }) => hits,
    ({ actual }) => actual,
  ),
  share(
    "tag_accuracy",
    ({ rightTags }) => rightTags,
    ({ tags }) => tags,
  ),
];

function share(
  name: string,
  part: (answer: TagsAnswer) => number,
  whole: (answer: TagsAnswer) => number,
): Metric<TagsAnswer> {
  return {
    name,
    better: "higher",
    prepare: (answers) => (weights) => {
      const sum = (of: typeof part) =>
        answers.reduce((total, answer, i) => total + (weights[i] ?? 0) * of(answer), 0);
      return sum(whole) === 0 ? 0 : sum(part) / sum(whole);
    },
  };
}

/** @param predicted as many as `actual` */
export function compareTags(actual: readonly string[], predicted: readonly string[]): TagsAnswer {
  const [own, found] = [actual, predicted].map((tags) => entitiesOf(tags).map((entity) => entity.join(" ")));
  const wanted = new Set(own);
  return {
    hits: found?.filter((entity) => wanted.has(entity)).length ?? 0,
    predicted: found?.length ?? 0,
    actual: own?.length ?? 0,
    rightTags: actual.filter((tag, i) => tag === predicted[i]).length,
    tags: actual.length,
  };
}

/** A type, and the first and last place. */
export type Entity = readonly [type: string, first: number, last: number];

/**
 * The entities of a sequence of tags in IOB1, IOB2 or IOBES, as conlleval reads them: tags that contradict each
 * other are read too (an I- without a B- begins an entity). seqeval does so unless it is strict.
 */
export function entitiesOf(tags: readonly string[]): Entity[] {
  const entities: Entity[] = [];
  let [before, begin] = [{ prefix: "O", type: NO_TYPE }, 0];
  [...tags, "O"].forEach((tag, i) => {
    const now = split(tag);
    const isOther = now.type !== before.type;
    const ends =
      before.prefix !== "O" &&
      (/[ES]/.test(before.prefix) || isOther || (/[BI]/.test(before.prefix) && /[BSO]/.test(now.prefix)));
    if (ends) entities.push([before.type, begin, i - 1]);
    const begins =
      /[BS]/.test(now.prefix) ||
      (/[EI]/.test(now.prefix) && /[ESO]/.test(before.prefix)) ||
      (now.prefix !== "O" && isOther);
    if (begins) begin = i;
    before = now;
  });
  return entities;
}

const NO_TYPE = "_";

/** `B-PER` → B, PER. What has no hyphen has its type behind the first letter. */
function split(tag: string): { prefix: string; type: string } {
  const rest = tag.slice(1);
  const hyphen = rest.indexOf("-");
  return { prefix: tag.slice(0, 1), type: (hyphen < 0 ? rest : rest.slice(hyphen + 1)) || NO_TYPE };
}
