import { stringify } from "yaml";
import { splitFrontMatter } from "../base/front-matter.js";
import { isPrintable } from "../base/printable.js";
import { libraryName } from "../checkpoint/sentence-transformers/model-kind.js";
import { isRecord } from "../json/json-edit.js";
import type { OpeningInputs } from "./model-card-opening.js";

/**
 * Metadata of the original that holds for the result too, in the order in which it is written. The scores in
 * `model-index` are the original's own and stay behind.
 */
const CARRIED_KEYS = [
  "base_model",
  "library_name",
  "pipeline_tag",
  "license",
  "license_name",
  "license_link",
  "language",
  "datasets",
  "tags",
] as const;
const TAG = "long-context";

type Metadata = ReadonlyMap<string, unknown>;

/** What decides what of it is the result's own. */
interface MetadataInputs extends Pick<OpeningInputs, "record" | "kind"> {
  /** Tensors that the source did not have, drawn anew: an untrained head. */
  readonly created: readonly string[];
  /** The source's README.md, if it has one. */
  readonly originalCard: string | undefined;
}

/**
 * The front matter of a result's card, and the text of the original's.
 * @returns also a sentence for everything of the original's metadata that could not be carried over
 */
export function cardMetadata(inputs: MetadataInputs): {
  readonly frontMatter: string;
  readonly body: string;
  readonly notes: readonly string[];
} {
  const { metadata, body, notes } = readCard(inputs.originalCard ?? "");
  const usable = new Map([...metadata].filter(([, value]) => isText(value)));
  const left = CARRIED_KEYS.filter((key) => !usable.has(key) && (metadata.get(key) ?? null) !== null);
  return {
    // YAML 1.1 has more words for true and false; Python reads it, and Norwegian is `no`.
    frontMatter: stringify(convertedMetadata(inputs, usable), { version: "1.1", lineWidth: 0 }),
    body,
    notes: [
      ...notes,
      ...left.map(
        (key) => `README.md: ${key} is neither a text nor a list of texts that can be seen; it was left out.`,
      ),
    ],
  };
}

function convertedMetadata(
  { record, created, kind }: MetadataInputs,
  original: Metadata,
): Record<string, unknown> {
  const converted = new Map<string, unknown>([
    ["library_name", libraryName(kind)],
    ...original,
    ["tags", [...new Set([record.variant, TAG, ...[original.get("tags") ?? []].flat()])]],
  ]);
  if (record.source.revision !== undefined) converted.set("base_model", record.source.model);
  // With a new head the model does another task than the original.
  if (created.length > 0) converted.delete("pipeline_tag");
  const carried = CARRIED_KEYS.map((key) => [key, converted.get(key)] as const);
  return Object.fromEntries(carried.filter(([, value]) => value !== undefined));
}

/** What a card's metadata says, and its text. Damaged metadata counts as none. */
function readCard(card: string): { metadata: Metadata; body: string; notes: string[] } {
  const { metadata: document, body } = splitFrontMatter(card.replace(/^\ufeff/, ""));
  let problem = "it is no table of keys";
  try {
    if (document.errors[0]) throw document.errors[0];
    const metadata: unknown = document.toJS() ?? {};
    if (isRecord(metadata)) return { metadata: new Map(Object.entries(metadata)), body, notes: [] };
  } catch (error) {
    problem = String(error instanceof Error ? error.message : error)
      .split("\n", 1)
      .join();
  }
  return { metadata: new Map(), body, notes: [`README.md: the metadata was ignored: ${problem}`] };
}

/** Of what cannot be seen YAML 1.1 takes some for ends of lines, behind which other keys could stand. */
function isText(value: unknown): value is string | string[] {
  return [value].flat().every((item) => typeof item === "string" && isPrintable(item));
}
