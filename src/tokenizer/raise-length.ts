import { posix } from "node:path";
import { editTopLevel, fileSpans, isRecord, parseSpan } from "../json/json-edit.js";

export interface LengthEdit {
  readonly file: string;
  /** The key, with a dot before a nested one (`truncation.max_length`). */
  readonly key: string;
  /** What stood there; undefined if nothing did. */
  readonly from: unknown;
  readonly to: unknown;
}

/** Tokens that the source reads, and that the result does. */
export interface Lengths {
  readonly from: number;
  readonly to: number;
  /** Whether generate() writes no more than before: see `writesNoMore` of an architecture. */
  readonly writesNoMore: boolean;
  /**
   * The table of positions is no longer than before, and longer inputs are read all the same: what takes its size for
   * a limit has to be told another.
   */
  readonly tableStays?: true;
}

/** What becomes of a key; the value itself where it stays. */
type NewValue = (value: unknown, lengths: Lengths) => unknown;

const always: NewValue = (_value, { to }) => to;
const whereNumber: NewValue = (value, { to }) => (typeof value === "number" ? to : value);
/** sentence-transformers takes the size of the table for a limit where it finds none. */
const whereNumberOrNeeded: NewValue = (value, { to, tableStays }) =>
  typeof value === "number" || (tableStays && value == null) ? to : value;
const whereLimit: NewValue = (value, { writesNoMore, ...lengths }) =>
  !writesNoMore && isGenerationLimit(value, lengths) ? lengths.to : value;
/** Padding every text to the new length would waste the work: the longest text of the batch is enough. */
const notFixed: NewValue = (value) =>
  isRecord(value) && Object.hasOwn(value, "Fixed") ? "BatchLongest" : value;

const insideText: NewValue = (value, { to }) =>
  isRecord(value) && typeof value.max_length === "number" && value.max_length !== to
    ? { ...value, max_length: to }
    : value;

const SENTENCE_TRANSFORMERS = {
  max_seq_length: whereNumberOrNeeded,
  "processing_kwargs.text": insideText,
  "tokenizer_args.model_max_length": whereNumber,
  "processor_kwargs.model_max_length": whereNumber,
};

/** The file that sentence-transformers looks for first, of those that limit what its transformer reads. */
export const SENTENCE_LIMITS = "sentence_bert_config.json";

/** Every place outside config.json that cuts inputs or outputs: file name, in any folder → key → its new value. */
const LENGTH_KEYS: Readonly<Record<string, Readonly<Record<string, NewValue>>>> = {
  "tokenizer_config.json": { model_max_length: always, max_len: whereNumber, max_length: whereNumber },
  "tokenizer.json": { "truncation.max_length": whereNumber, "padding.strategy": notFixed },
  "generation_config.json": { max_length: whereLimit },
  "config_sentence_transformers.json": { document_length: whereNumber },
  "artifact.metadata": { doc_maxlen: whereNumber, "config.doc_maxlen": whereNumber },
  [SENTENCE_LIMITS]: SENTENCE_TRANSFORMERS,
  "sentence_roberta_config.json": SENTENCE_TRANSFORMERS,
  "sentence_distilbert_config.json": SENTENCE_TRANSFORMERS,
  "sentence_camembert_config.json": SENTENCE_TRANSFORMERS,
  "sentence_albert_config.json": SENTENCE_TRANSFORMERS,
  "sentence_xlm-roberta_config.json": SENTENCE_TRANSFORMERS,
};

/** Whether a file limits what sentence-transformers' transformer reads. */
export function limitsSentences(path: string): boolean {
  return LENGTH_KEYS[posix.basename(path)] === SENTENCE_TRANSFORMERS;
}

/** Keys of config.json that hold a length in tokens besides `max_position_embeddings`, in some families. */
export const CONFIG_LENGTH_KEYS = [
  "max_seq_length",
  "max_sequence_length",
  "model_max_length",
  "n_positions",
];

/**
 * Whether generate()'s `max_length` is as many tokens as a model has positions for, and no shorter wish; of a model
 * whose tables are cut, what it then has no positions for.
 */
export function isGenerationLimit(value: unknown, { from, to }: Pick<Lengths, "from" | "to">): boolean {
  return typeof value === "number" && value >= Math.min(from, to);
}

/** Whether a file, by its name, can limit the length of inputs, so that `raiseLength` wants its content. */
export function limitsLength(path: string): boolean {
  return Object.hasOwn(LENGTH_KEYS, posix.basename(path));
}

/** Whether a key of a file, with a dot before a nested one, holds a length, so that no limit becomes the new one. */
export function isLengthKey(path: string, key: string): boolean {
  if (path === "config.json") return CONFIG_LENGTH_KEYS.includes(key);
  const keys = LENGTH_KEYS[posix.basename(path)] ?? {};
  return Object.hasOwn(keys, key) && keys[key] !== notFixed;
}

/**
 * Raises the length in a side file, in tokens (special ones included), wherever that file limits it.
 *
 * @param path The file's path below the model's root; its name alone decides what is edited.
 * @returns The new content, every other byte as it was, and what was set; for a file that limits nothing,
 *   `content` itself.
 * @throws CheckpointError if a file that is to be edited is not a JSON object.
 */
export function raiseLength(
  path: string,
  content: Buffer,
  lengths: Lengths,
): { readonly content: Buffer; readonly edits: readonly LengthEdit[] } {
  if (!limitsLength(path)) return { content, edits: [] };
  const spans = fileSpans(content, path);
  const edits: LengthEdit[] = [];
  for (const [key, newValue] of Object.entries(LENGTH_KEYS[posix.basename(path)] ?? {})) {
    const [top = key, inner] = key.split(".");
    const span = spans.get(top);
    const value = span && parseSpan(content, span);
    const from = inner === undefined ? value : isRecord(value) ? value[inner] : undefined;
    const to = newValue(from, lengths);
    if (to !== from) edits.push({ file: path, key, from, to });
  }
  return { content: editLengths(content, edits), edits };
}

/** Makes the edits that were decided upon. @returns every other byte as it was */
export function editLengths(content: Buffer, edits: readonly LengthEdit[]): Buffer {
  const [first] = edits;
  if (!first) return content;
  const changes = new Map<string, unknown>();
  for (const { key, to } of edits) {
    const [top = key, inner] = key.split(".");
    const others = changes.get(top);
    changes.set(
      top,
      inner === undefined ? to : new Map([...(others instanceof Map ? others : []), [inner, to]]),
    );
  }
  return editTopLevel(content, changes, fileSpans(content, first.file));
}
