import { z } from "zod";
import { parseJson } from "./checkpoint/checkpoint.js";
import type { FileSource } from "./checkpoint/file-source.js";
import { CheckpointError } from "./errors.js";
import type { ConversionRecord } from "./plan/types.js";

const RECORD_FILE = "lsg_conversion.json";

const RecordSchema = z.looseObject({
  format_version: z.literal(1),
  source: z.strictObject({ model: z.string(), revision: z.string().exactOptional() }),
  model_type: z.string(),
  architecture: z.string(),
  variant: z.literal("lsg"),
  max_sequence_length: z.strictObject({ from: z.int().positive(), to: z.int().positive() }),
  options: z.looseObject({ lsg: z.record(z.string(), z.unknown()) }),
  promise: z.strictObject({ lossless_up_to: z.int().nonnegative() }),
}) satisfies z.ZodType<ConversionRecord>;

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
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new CheckpointError(
    `${RECORD_FILE}: ${issue?.path.join(".") || "the file"}: ${issue?.message}`,
    "Convert the original again.",
  );
}

/** The seed of a conversion, which its graphs take too; undefined for a folder that no conversion wrote. */
export async function recordedSeed(source: FileSource): Promise<number | undefined> {
  if (!source.files.has(RECORD_FILE)) return undefined;
  const { seed } = (await readRecord(source)).options;
  return typeof seed === "number" ? seed : undefined;
}
