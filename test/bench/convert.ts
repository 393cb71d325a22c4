import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Candidate, measure, printTable } from "./measure.js";
import { BASE, LARGE, writeBenchModel } from "./models.js";

const ROUNDS = 5;

/** From `dist/test/bench/`. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const LSG = join(ROOT, "bin", "lsg.js");

/** A Python with lsg-converter 0.1.9 (fixtures/generate/requirements.txt); without it that row is missing. */
const REFERENCE_PYTHON = process.env.LSG_REFERENCE_PYTHON;
const REFERENCE_SCRIPT = join(ROOT, "test", "bench", "reference_convert.py");

/** Time and memory of a conversion beside `cp` and the reference, and of a model of 6 GB. */
export async function benchConvert({ large }: { large: boolean }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lsg-bench-"));
  const output = join(folder, "out");
  const before = () => rm(output, { recursive: true, force: true });
  const convert = (source: string): Candidate => ({
    name: "lsg convert",
    command: [process.execPath, LSG, "convert", source, output, "--quiet"],
    before,
  });
  const copy = (source: string): Candidate => ({
    name: "cp -r",
    command: ["cp", "-r", source, output],
    before,
  });
  try {
    printTable(
      "lsg --help beside node itself",
      await measure(
        [
          { name: "node -e 0", command: [process.execPath, "-e", "0"] },
          { name: "lsg --help", command: [process.execPath, LSG, "--help"] },
        ],
        2 * ROUNDS,
      ),
    );

    const base = join(folder, "base");
    await writeBenchModel(base, BASE);
    const candidates = [copy(base), convert(base)];
    if (REFERENCE_PYTHON && existsSync(REFERENCE_PYTHON)) {
      const command = [REFERENCE_PYTHON, REFERENCE_SCRIPT, base, output] as const;
      candidates.push({ name: "lsg-converter", command, before });
    }
    printTable("BERT base, 437 MB, 512 → 4096 tokens", await measure(candidates, ROUNDS));

    if (large) {
      const source = join(folder, "large");
      await writeBenchModel(source, LARGE);
      printTable("6 GB in six shards", await measure([copy(source), convert(source)], 1));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
