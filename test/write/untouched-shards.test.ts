import { chmod, cp, mkdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { isModelWeights } from "../../src/checkpoint/left-out.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { writeShard } from "../../src/write/shard-writer.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { type ReadTensor, readFolder, readSafetensors, writeSafetensors } from "../support/safetensors.js";

const ROBERTA = join(FIXTURES, "roberta", "checkpoint");
const names = ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"];
const [EMBEDDINGS = "", LAYERS = ""] = names;
const HEAD = "model-00003-of-00003.safetensors";

const shardOf = (name: string) =>
  name.includes(".embeddings.") ? EMBEDDINGS : name.includes(".layer.") ? LAYERS : HEAD;

/** The fixture in three shards: embeddings, layers, head. @param spell makes a shard's bytes */
async function inShards(
  spell: (tensors: Record<string, ReadTensor>, file: string) => Buffer = (tensors) =>
    writeSafetensors(tensors),
): Promise<string> {
  const folder = join(await temporaryFolder(), "source");
  await mkdir(folder);
  await cp(ROBERTA, folder, { recursive: true, filter: (path) => !isModelWeights(basename(path)) });
  const all = [...readFolder(ROBERTA)];
  const weight_map = Object.fromEntries(all.map(([name]) => [name, shardOf(name)]));
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map }));
  for (const file of [EMBEDDINGS, LAYERS, HEAD]) {
    const tensors = Object.fromEntries(all.filter(([name]) => shardOf(name) === file));
    await writeFile(join(folder, file), spell(tensors, file));
  }
  return folder;
}

/** The same file with a header that is spelt as only a copy of it can be. */
function spaced(bytes: Buffer): Buffer {
  const end = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.stringify(JSON.parse(bytes.toString("utf8", 8, end)), null, 3);
  const padded = header.padEnd(Math.ceil((header.length + 24) / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, Buffer.from(padded), bytes.subarray(end)]);
}

async function converted(source: string, given: Record<string, unknown> = {}) {
  const output = join(await temporaryFolder(), "out");
  await convert(source, output, parseConvertOptions(given));
  return output;
}

const isCopied = async (source: string, output: string, file: string) =>
  (await readFile(join(output, file))).equals(await readFile(join(source, file)));

describe("a shard in which nothing changes", () => {
  test("is copied as it is, header and all; the others are written, with the same tensors", async () => {
    const source = await inShards((tensors) => spaced(writeSafetensors(tensors)));
    const output = await converted(source);
    expect(await isCopied(source, output, LAYERS)).toBe(true);
    expect(await isCopied(source, output, HEAD)).toBe(true);
    expect(await isCopied(source, output, EMBEDDINGS)).toBe(false);
    const whole = readFolder(await converted(ROBERTA));
    for (const [name, { bytes }] of readFolder(output))
      expect(whole.get(name)?.bytes.equals(bytes), name).toBe(true);
  });

  test("can be written to where the source is read-only", async () => {
    const source = await inShards();
    for (const file of [LAYERS, "config.json", "merges.txt"]) await chmod(join(source, file), 0o444);
    const output = await converted(source);
    for (const file of [LAYERS, "config.json", "merges.txt"])
      expect((await stat(join(output, file))).mode & 0o200, file).toBe(0o200);
  });
});

describe("a shard is written anew", () => {
  test("where a tensor of it is dropped", async () => {
    const position = { dtype: "I64", shape: [1], bytes: Buffer.alloc(8) } as const;
    const source = await inShards((tensors, file) =>
      writeSafetensors(
        file === LAYERS ? { ...tensors, "roberta.embeddings.position_ids": position } : tensors,
      ),
    );
    const index = JSON.parse(await readFile(join(source, "model.safetensors.index.json"), "utf8"));
    index.weight_map["roberta.embeddings.position_ids"] = LAYERS;
    await writeFile(join(source, "model.safetensors.index.json"), JSON.stringify(index));
    const output = await converted(source);
    expect(readSafetensors(join(output, LAYERS)).has("roberta.embeddings.position_ids")).toBe(false);
  });

  test("where its tensors get other names", async () => {
    const source = await inShards((tensors) => spaced(writeSafetensors(tensors)));
    const output = await converted(source, { to: "longformer" });
    expect(await isCopied(source, output, LAYERS)).toBe(false);
    expect(readSafetensors(join(output, LAYERS)).has("longformer.encoder.layer.0.output.dense.weight")).toBe(
      true,
    );
  });
});

test("a shard that became shorter meanwhile is an error", async () => {
  const source = await inShards();
  const opened = await openFolder(source);
  const checkpoint = await readCheckpoint(opened);
  await truncate(join(source, LAYERS), 100);
  const shard = { file: LAYERS, copyOf: LAYERS, metadata: undefined, tensors: new Map() };
  const from = { source: opened, reader: await openWeights(checkpoint, () => ({})) };
  const copying = writeShard(join(await temporaryFolder(), LAYERS), shard, from);
  await expect(copying).rejects.toThrow(/became shorter while it was read/);
  await from.reader.close();
});
