import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SafetensorsError } from "../../src/base/errors.js";
import {
  LENGTH_BYTES,
  parseHeader,
  parseHeaderLength,
  serializeHeader,
} from "../../src/safetensors/header.js";

/** `npm run fuzz [-- SECONDS]`: mutates the corpus; whatever parses must be a whole file, whatever not a named error. */
const CORPUS = fileURLToPath(new URL("../../../test/fuzz/corpus/", import.meta.url));
const seconds = Number(process.argv[2] ?? 30);

const corpus = readdirSync(CORPUS).map((name) => readFileSync(join(CORPUS, name)));
const end = Date.now() + seconds * 1000;
let [runs, parsed] = [0, 0];
for (; Date.now() < end; runs++) {
  const input = mutate(corpus[randomInt(corpus.length)] ?? Buffer.alloc(0));
  try {
    check(input);
    parsed++;
  } catch (error) {
    if (error instanceof SafetensorsError) continue;
    process.stderr.write(`crashed on ${input.toString("base64")}\n`);
    throw error;
  }
}
process.stdout.write(
  `${runs} inputs in ${seconds} s: ${parsed} were whole files, the others were refused by name\n`,
);

/** Parses a file; if it passes, its tensors must tile it exactly and survive being written again. */
function check(file: Buffer): void {
  const length = parseHeaderLength(file.subarray(0, LENGTH_BYTES), file.length, "fuzz");
  const header = parseHeader(file.subarray(LENGTH_BYTES, LENGTH_BYTES + length), file.length, "fuzz");
  const bytes = [...header.tensors.values()].reduce(
    (sum, { data_offsets: [from, to] }) => sum + to - from,
    0,
  );
  if (header.dataStart + bytes !== file.length) throw new Error("tensors do not fill the file");
  const again = serializeHeader(header.tensors, header.metadata);
  const reparsed = parseHeader(again.subarray(LENGTH_BYTES), again.length + bytes, "again");
  if (reparsed.tensors.size !== header.tensors.size) throw new Error("a tensor was lost");
}

/** A few random edits: flipped bits, changed, removed, doubled and moved pieces. */
function mutate(seed: Buffer): Buffer {
  let bytes = Buffer.from(seed);
  for (let edits = randomInt(1, 5); edits > 0 && bytes.length > 1; edits--) {
    const at = randomInt(bytes.length);
    const to = Math.min(bytes.length, at + randomInt(1, 9));
    const kind = randomInt(5);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8));
    else if (kind === 1) bytes[at] = '0123456789{}[]",:-'[randomInt(18)]?.charCodeAt(0) ?? 0;
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)]);
    else if (bytes.length >= LENGTH_BYTES) bytes.writeBigUInt64LE(BigInt(randomInt(2 * bytes.length)), 0);
  }
  return bytes;
}
