import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPython, ROOT, script } from "./environments.js";
import { type Candidate, measure, printTable } from "./measure.js";
import { BASE, LARGE, optimumCommand, writeBenchModel } from "./models.js";

const ROUNDS = 5;
/** optimum takes some twenty seconds. */
const EXPORT_ROUNDS = 3;

const LSG = join(ROOT, "bin", "lsg.js");

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
    const python = findPython("reference");
    if (python) {
      const command = [python.command, script("reference_convert.py"), base, output] as const;
      candidates.push({ name: "lsg-converter", command, env: python.env, before });
    }
    printTable("BERT base, 437 MB, 512 → 4096 tokens", await measure(candidates, ROUNDS));

    const optimum = optimumCommand(base, output);
    const exports: Candidate[] = [
      {
        name: "lsg export",
        command: [process.execPath, LSG, "export", base, output, "--quiet"],
        before,
      },
      ...(optimum ? [{ name: "optimum", command: optimum, before }] : []),
    ];
    printTable("BERT base, exported as a graph", await measure(exports, EXPORT_ROUNDS));

    if (large) {
      const source = join(folder, "large");
      await writeBenchModel(source, LARGE);
      printTable("6 GB in six shards", await measure([copy(source), convert(source)], 1));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
