import { isAbsolute, relative } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../base/errors.js";
import { deepFreeze } from "../base/freeze.js";
import { parseJson, parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import { isRecord } from "../json/json-edit.js";
import { DEFAULT_SEED, VARIANTS } from "../options/schemas.js";
import type { ConversionPlan, ConversionRecord } from "./types.js";

export const RECORD_FILE = "lsg_conversion.json";

/** Of the same length as SHA-256 has in hexadecimal digits. */
const HashSchema = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256");

/** Where a folder comes from: a commit of the Hub's, or a folder that has hashes. */
const SourceSchema = z.union(
  [
    z.strictObject({ model: z.string(), revision: z.string().regex(/^[0-9a-f]{40}$/, "expected a commit") }),
    z.strictObject({ model: z.string(), sha256: z.record(z.string(), HashSchema) }),
  ],
  { error: "expected a model with its revision, or with the sha256 of its files" },
);

/** As format 1 has it: a folder may have no hashes, or one of all its files. */
const EarlierSourceSchema = z.strictObject({
  model: z.string(),
  revision: z.string().exactOptional(),
  sha256: z.string().exactOptional(),
});

const CommonSchema = z.looseObject({
  lsg_version: z.string().exactOptional(),
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

const RecordSchema = z.discriminatedUnion(
  "format_version",
  [
    CommonSchema.extend({ format_version: z.literal(1), source: EarlierSourceSchema }),
    CommonSchema.extend({ format_version: z.literal(2), source: SourceSchema }),
  ],
  { error: "expected 1 or 2; a later version of lsg may have written it" },
);

/**
 * What a converted folder says of itself.
 * @throws CheckpointError if the file is missing or is not such a record.
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
    const { verified: _, promise, ...record } = result.data;
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

/** A plan whose record has the hashes of its source, which are known once all of it was read. */
export function withHashes(plan: ConversionPlan, sha256: FileHashes | undefined): ConversionPlan {
  if (!sha256) return plan;
  const record = { ...plan.record, source: { ...plan.record.source, sha256 } };
  const content = recordText(record);
  const sideFiles = plan.sideFiles.map((file) =>
    file.path === RECORD_FILE ? { kind: "write" as const, path: RECORD_FILE, content } : file,
  );
  return deepFreeze({ ...plan, record, sideFiles });
}

export function recordText(record: object): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/**
 * A record in the format of another one: format 1 also held a proof (`verified`), which is copied and not trusted, and
 * lsg 0.1 had one number for both promises.
 */
export function inFormatOf(other: Buffer, content: Buffer): Buffer {
  const theirs = parseObject(other, RECORD_FILE);
  if (theirs.format_version !== 1) return content;
  const own = parseObject(content, RECORD_FILE);
  const isOneNumber = isRecord(theirs.promise) && theirs.promise.hidden_states_up_to === undefined;
  const promise =
    isOneNumber && isRecord(own.promise) ? { lossless_up_to: own.promise.hidden_states_up_to } : own.promise;
  const { verified } = theirs;
  return Buffer.from(
    recordText({ ...own, format_version: 1, promise, ...(verified !== undefined && { verified }) }),
  );
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
  sha256?: FileHashes,
): ConversionRecord["source"] {
  if (origin.kind === "hub") return { model: name, revision: origin.revision };
  const path = relative(".", origin.path).replaceAll("\\", "/");
  const isBelow = !isAbsolute(model) && path !== "" && !path.startsWith("..");
  return { model: isBelow ? path : name, ...(sha256 !== undefined && { sha256 }) };
}
