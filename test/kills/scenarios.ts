import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lsg } from "../support/cli.js";
import { FIXTURES } from "../support/fixtures.js";

const BERT = join(FIXTURES, "bert", "checkpoint");

/** A command, and what is in its place before. Paths are those of a folder in which `source` lies and `out` is written. */
export interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  /** Where it is run, below the folder. */
  readonly from?: string;
  /** Makes what is there before. */
  readonly prepare?: (folder: string) => Promise<void>;
  /** Beside `out`, what the command leaves there. */
  readonly beside?: readonly string[];
}

const LENGTH = ["--max-sequence-length", "96"];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a conversion that replaces",
    args: ["convert", "source", "out", "--force", "--onnx", ...LENGTH],
    prepare: convertedBefore,
  },
  { name: "a conversion", args: ["convert", "source", "out", ...LENGTH] },
  {
    name: "a conversion that replaces and proves",
    args: ["convert", "source", "out", "--force", "--run-test", "--device", "cpu", ...LENGTH],
    prepare: convertedBefore,
  },
  {
    name: "a conversion into a folder that has to stay",
    args: ["convert", "../source", ".", "--onnx", ...LENGTH],
    from: "out",
    prepare: (folder) => mkdirIn(folder, "out"),
  },
  {
    name: "an export that replaces graphs",
    args: ["export", "out"],
    async prepare(folder) {
      await convertedBefore(folder);
      await run(folder, ["export", "out", "--onnx-weights", "external", "--onnx", "fp32,fp16"]);
    },
  },
  {
    name: "an export of graphs for the first time",
    args: ["export", "out", "--onnx-weights", "external"],
    prepare: convertedBefore,
  },
  {
    name: "an export that replaces a folder",
    args: ["export", "source", "out", "--force"],
    prepare: convertedBefore,
  },
  {
    name: "an export of the attention alone",
    args: ["export", "source", "out", "--op-only"],
    async prepare(folder) {
      await mkdirIn(folder, "out");
      await writeFile(join(folder, "out", "attention.onnx"), "the user's, to be replaced");
      await writeFile(join(folder, "out", "notes.txt"), "the user's");
    },
  },
  {
    name: "a batch",
    args: ["batch", "jobs.json", "--force"],
    async prepare(folder) {
      await convertedBefore(folder);
      const job = { model: "source", output: "out", max_sequence_length: 96 };
      await writeFile(join(folder, "jobs.json"), JSON.stringify({ jobs: [job] }));
    },
    beside: ["jobs.json"],
  },
];

/** Folders of the user's, called like what lsg leaves. */
export const SIBLINGS = [
  "out.partial-notes",
  "out.partial-1073741824-0123abcd",
  "out.partial-1073741824-0123456789ab",
  "out.replaced-0123abcd",
  "out.replaced-0123456789ab",
  "out.partial-",
];

/** Makes a folder with a source, what is there before, and the user's siblings. */
export async function prepare(folder: string, scenario: Scenario): Promise<void> {
  await cp(BERT, join(folder, "source"), { recursive: true });
  for (const name of SIBLINGS) {
    await mkdirIn(folder, name);
    await writeFile(join(folder, name, "config.json"), `the user's ${name}`);
  }
  await scenario.prepare?.(folder);
}

async function convertedBefore(folder: string): Promise<void> {
  await run(folder, ["convert", "source", "out", "--max-sequence-length", "128"]);
}

async function run(cwd: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await lsg(args, { cwd });
  if (code !== 0) throw new Error(stderr);
}

async function mkdirIn(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { recursive: true, force: true });
  await mkdir(join(folder, name));
}
