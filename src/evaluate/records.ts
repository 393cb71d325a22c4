import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { isRecord } from "../json/json-edit.js";
import { asOutputError } from "../write/output-errors.js";
import type { Answered } from "./tasks/job.js";

/** What is known of one item of one system. */
export interface ItemRecord extends Answered {
  /** Hashes of all that decides the outcome: of the model and how it is asked, and of what it reads. */
  readonly system: string;
  readonly item: string;
  readonly seconds: number;
}

/**
 * What was done already, a line of JSON each in a file that only grows: a run that was killed goes on behind its last whole line,
 * and what another model, another document or other options have changed has another hash.
 */
export interface Records {
  find(system: string, item: string): ItemRecord | undefined;
  add(record: ItemRecord): Promise<void>;
  close(): Promise<void>;
}

/** Digits of a hash: two of a million items agree with a chance of 10⁻⁷. */
const HASH_DIGITS = 16;

export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, HASH_DIGITS);
}

/** Nothing is kept beyond the run. */
export function recordsInMemory(): Records {
  const known = new Map<string, ItemRecord>();
  return {
    find: (system, item) => known.get(`${system} ${item}`),
    add: async (record) => {
      known.set(`${record.system} ${record.item}`, record);
    },
    close: async () => {},
  };
}

/** @throws OutputError if the file can be neither read nor written */
export async function openRecords(path: string): Promise<Records> {
  const file = await open(path, "a+").catch((error: unknown) => {
    throw asOutputError(error, path);
  });
  const memory = recordsInMemory();
  const isTorn = await readLines(file, (record) => void memory.add(record));
  // A line that was being written stays alone, and is never read.
  if (isTorn) await file.appendFile("\n");
  return {
    find: memory.find,
    async add(record) {
      await memory.add(record);
      await file.appendFile(`${JSON.stringify(record)}\n`).catch((error: unknown) => {
        throw asOutputError(error, path);
      });
    },
    close: () => file.close(),
  };
}

/** @returns whether the last line has no end */
async function readLines(file: FileHandle, onRecord: (record: ItemRecord) => void): Promise<boolean> {
  let last = "";
  for await (const line of file.readLines({ autoClose: false, start: 0 })) {
    last = line;
    const record = parsed(line);
    if (record) onRecord(record);
  }
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return last !== "" && buffer.toString() !== "\n";
}

function parsed(line: string): ItemRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isWhole =
      isRecord(value) &&
      typeof value.system === "string" &&
      typeof value.item === "string" &&
      typeof value.tokens === "number" &&
      typeof value.read === "number" &&
      typeof value.seconds === "number" &&
      "outcome" in value;
    return isWhole ? (value as unknown as ItemRecord) : undefined;
  } catch {
    return undefined;
  }
}
