import { isAbsolute, relative } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../base/errors.js";
import { parseJson, parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import { isRecord } from "../json/json-edit.js";
import { DEFAULT_SEED, VARIANTS } from "../options/schemas.js";
import type { ConversionRecord } from "./types.js";

export const RECORD_FILE = "lsg_conversion.json";

/** Holds the proof of a folder that passed a verification (see verify/proof.ts), beside what the conversion records. */
const PROOF_KEY = "verified";

const RecordSchema = z.looseObject({
  format_version: z.literal(1),
  lsg_version: z.string().exactOptional(),
  source: z.strictObject({
    model: z.string(),
    revision: z.string().exactOptional(),
    sha256: z.string().exactOptional(),
  }),
  model_type: z.string(),
  model_type_from: z.enum(["tensors", "option"]).exactOptional(),
  architecture: z.string(),
  variant: z.enum(VARIANTS),
  max_sequence_length: z.strictObject({ from: z.int().positive(), to: z.int().positive() }),
  added_tokens: z.record(z.string(), z.int().nonnegative()).exactOptional(),
  unread_global_table: z
    .looseObject({
      bos_token_id: z.int().nonnegative().exactOptional(),
      mask_token_id: z.int().nonnegative().exactOptional(),
      global_positional_stride: z.int().positive().exactOptional(),
    })
    .exactOptional(),
  source_attention: z.record(z.string(), z.unknown()).exactOptional(),
  options: z.looseObject({ lsg: z.record(z.string(), z.unknown()) }),
  promise: z.strictObject({
    lossless_up_to: z.int().nonnegative(),
    // lsg 0.1 had one number for both.
    hidden_states_up_to: z.int().nonnegative().exactOptional(),
    why: z.string().exactOptional(),
  }),
});

/**
 * What a converted folder says of itself.
 * @throws CheckpointError if the file is missing or is no such record.
 */
export async function readRecord(source: FileSource): Promise<ConversionRecord> {
  if (!source.files.has(RECORD_FILE)) {
    throw new CheckpointError(
      `${RECORD_FILE} is missing: the folder does not say what it was made from, or promises`,
      "Convert the original again, or verify a folder that lsg convert wrote.",
    );
  }
  const result = RecordSchema.safeParse(parseJson(await source.read(RECORD_FILE), RECORD_FILE));
  if (result.success) {
    const { [PROOF_KEY]: _, promise, ...record } = result.data;
    return { ...record, promise: { hidden_states_up_to: promise.lossless_up_to, ...promise } };
  }
  const issue = result.error.issues[0];
  throw new CheckpointError(
    `${RECORD_FILE}: ${issue?.path.join(".") || "the file"}: ${issue?.message}`,
    "Convert the original again.",
  );
}

/** `--model-type` of the conversion: its source's config.json has none. */
export function recordedModelType(record: ConversionRecord | undefined): string | undefined {
  const modelType = record?.options.model_type;
  return typeof modelType === "string" ? modelType : undefined;
}

/** A record as the file holds it. */
export function recordText(record: object): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** The text of a record as the conversion wrote it, without the proof that may have been added. */
export function withoutProof(content: Buffer): Buffer {
  const { [PROOF_KEY]: proof, ...record } = parseObject(content, RECORD_FILE);
  return proof === undefined ? content : Buffer.from(recordText(record));
}

/** A record as the version of lsg would have written it that wrote another: 0.1 promised hidden states by one number. */
export function inFormatOf(other: Buffer, content: Buffer): Buffer {
  const promiseIn = (text: Buffer) => parseObject(text, RECORD_FILE).promise;
  const [theirs, own] = [promiseIn(other), promiseIn(content)];
  if (!isRecord(theirs) || !isRecord(own) || theirs.hidden_states_up_to !== undefined) return content;
  const promise = { lossless_up_to: own.hidden_states_up_to };
  return Buffer.from(recordText({ ...parseObject(content, RECORD_FILE), promise }));
}

/** The seed of lsh's directions in a model's graphs: the one asked for, else the conversion's, else the default. */
export async function graphSeed(source: FileSource, asked: number | undefined): Promise<number> {
  if (asked !== undefined || !source.files.has(RECORD_FILE)) return asked ?? DEFAULT_SEED;
  const { seed } = (await readRecord(source)).options;
  return typeof seed === "number" ? seed : DEFAULT_SEED;
}

/**
 * How a record names a source: by its Hub id, or by a relative path as typed. An absolute one would say where on this
 * machine it lay.
 */
export function recordedSource(
  model: string,
  { name, origin }: FileSource,
  sha256?: string,
): ConversionRecord["source"] {
  if (origin.kind === "hub") return { model: name, revision: origin.revision };
  const path = relative(".", origin.path).replaceAll("\\", "/");
  const isBelow = !isAbsolute(model) && path !== "" && !path.startsWith("..");
  return { model: isBelow ? path : name, ...(sha256 !== undefined && { sha256 }) };
}
