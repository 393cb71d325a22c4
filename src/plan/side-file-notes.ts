import { CONFIG_FILE, parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { isRecord } from "../json/json-edit.js";
import type { SideFile } from "./types.js";

/** Settings of the ColBERT library. */
const COLBERT_METADATA = "artifact.metadata";

/** How ColBERTs call the tokens that are read of a document. */
const DOCUMENT_LENGTHS = ["document_length", "doc_maxlen", "config.doc_maxlen"];

/** Keys of a file that cut a text before the model reads it, by who obeys them: the first that are set decide. */
const TEXT_LIMITS: readonly {
  readonly file: RegExp;
  readonly keys: readonly string[];
  readonly by: string;
}[] = [
  {
    file: /sentence_[\w-]+_config\.json$/,
    keys: [
      "max_seq_length",
      "processing_kwargs.text",
      "tokenizer_args.model_max_length",
      "processor_kwargs.model_max_length",
    ],
    by: "sentence-transformers",
  },
  { file: /tokenizer_config\.json$/, keys: ["model_max_length", "max_len"], by: "transformers" },
];

/**
 * Texts that the source could have read and that were cut before: the result reads them whole.
 * @param maxLength tokens that the source's position table reaches
 */
export function formerCuts(sideFiles: readonly SideFile[], maxLength: number): string[] {
  const edits = sideFiles.flatMap((file) => (file.kind === "edit" ? file.edits : []));
  for (const { file: isFile, keys, by } of TEXT_LIMITS) {
    const limits = edits.flatMap(({ file, key, from }) => {
      const limit = isRecord(from) ? from.max_length : from;
      return isFile.test(file) && keys.includes(key) && typeof limit === "number"
        ? [{ file, key, limit }]
        : [];
    });
    if (limits.length === 0) continue;
    return limits
      .filter(({ limit }) => limit < maxLength)
      .map(
        ({ file, key, limit }) =>
          `${file}: ${key} was ${limit}, at which ${by} cut texts: those of ${limit + 1} to ${maxLength} tokens are now ` +
          "read whole, and give other outputs than before.",
      );
  }
  return [];
}

/**
 * What a user should know of a conversion of an embedder or a ColBERT, a sentence each.
 * @param transformerFolder where the source had its transformer, if not at the top
 */
export function sentenceNotes(
  transformerFolder: string | undefined,
  sideFiles: readonly SideFile[],
  contents: ReadonlyMap<string, Buffer>,
): string[] {
  const notes: string[] = [];
  if (transformerFolder !== undefined) {
    notes.push(
      `The transformer's files move from ${transformerFolder}/ to the top, where its modelling code is looked for; ` +
        "modules.json says so.",
    );
  }
  for (const { file, key, from, to } of sideFiles.flatMap((each) =>
    each.kind === "edit" ? each.edits : [],
  )) {
    if (!DOCUMENT_LENGTHS.includes(key)) continue;
    const change = `from ${JSON.stringify(from)} to ${JSON.stringify(to)}`;
    notes.push(
      typeof from === "number" && typeof to === "number" && to < from
        ? `${file}: ${key} is lowered ${change}: longer documents are cut.`
        : `${file}: ${key} is raised ${change}: longer documents are no longer cut, and an index holds a vector for ` +
            "each of their tokens. Queries are as long as before.",
    );
  }
  const metadata = contents.get(COLBERT_METADATA);
  const name = metadata && parseObject(metadata, COLBERT_METADATA).model_name;
  if (typeof name === "string") {
    notes.push(
      `${COLBERT_METADATA}: model_name is ${JSON.stringify(name)}: the ColBERT library opens that class instead of ` +
        "this model's; set it to null there, or use PyLate.",
    );
  }
  return notes;
}

/** What was put right in the JSON files that the result has. */
export function mendingNotes({ mended }: FileSource, sideFiles: readonly SideFile[]): string[] {
  const written = new Set([CONFIG_FILE, ...sideFiles.map(({ path }) => path)]);
  return [...(mended ?? [])].flatMap(([path, { notes }]) => (written.has(path) ? notes : []));
}
