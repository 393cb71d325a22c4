import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { LSG } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { variants } from "../support/variants.js";
import { editGraph } from "../verify/damage.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { convertedSmallBert } from "../verify/support.js";
import { HOSTILE_NODES, poison } from "./graphs.js";
import { HOSTILE_TOKENIZERS } from "./tokenizers.js";

const { source, folder: converted } = convertedSmallBert({}, { onnx: true });
const spoilTokenizer = HOSTILE_TOKENIZERS["a pre-tokenizer whose regex backtracks"] as (
  folder: string,
) => void;
const spoilGraph = editGraph("onnx/model.onnx", (model) =>
  poison(model, HOSTILE_NODES["a loop without an end"]()),
);

/** What a process of ours is called that works on something of a stranger's. */
const PROGRAM = /(?:tokenizer|graph)-program\.js$/;

interface Work {
  /** @returns the arguments, and where the work would write */
  readonly begin: (root: string) => { readonly args: readonly string[]; readonly output?: string };
}

const WORKS = {
  "verify, in a tokenizer": {
    begin: (root) => {
      const folder = join(root, "copy");
      cpSync(converted, folder, { recursive: true });
      spoilTokenizer(folder);
      return { args: ["verify", folder, "--against", source, "--device", "cpu"] };
    },
  },
  "verify, in a graph": {
    begin: (root) => {
      const folder = join(root, "copy");
      cpSync(converted, folder, { recursive: true });
      spoilGraph(folder);
      return { args: ["verify", folder, "--against", source, "--device", "cpu"] };
    },
  },
  "convert --run-test": {
    begin: (root) => {
      const [model, output] = [join(root, "model"), join(root, "output")];
      spoilTokenizer(writeSmallBert(model));
      return { args: ["convert", model, output, "--run-test", "--device", "cpu"], output };
    },
  },
  export: {
    begin: (root) => {
      const [model, output] = [join(root, "model"), join(root, "output")];
      spoilTokenizer(writeSmallBert(model));
      return { args: ["export", model, output, "--onnx", "fp32,q8"], output };
    },
  },
} satisfies Readonly<Record<string, Work>>;

describe.skipIf(process.platform !== "linux")("while a stranger's work does not come to an end", () => {
  test.each(
    variants([
      ["verify, in a tokenizer", "SIGTERM", 143],
      ["verify, in a graph", "SIGINT", 130],
      ["convert --run-test", "SIGTERM", 143],
      ["export", "SIGINT", 130],
    ] as const),
  )("%s ends by %s and leaves nothing", async (work, signal, code) => {
    const { child, root, output } = await start(WORKS[work]);
    const program = await programOf(child);
    child.kill(signal);
    const [ended] = await once(child, "close");
    expect(ended).toBe(code);
    expect(isThere(program)).toBe(false);
    // ONNX Runtime keeps files of its own there.
    expect(readdirSync(join(root, "tmp")).filter((name) => name.startsWith("lsg-"))).toEqual([]);
    expect(output !== undefined && existsSync(output)).toBe(false);
    expect(readdirSync(root).filter((name) => name.includes(".partial-"))).toEqual([]);
  });

  test("its process ends with the one that started it, however that ended", async () => {
    const { child } = await start(WORKS["verify, in a tokenizer"]);
    const program = await programOf(child);
    child.kill("SIGKILL");
    await once(child, "close");
    while (isThere(program)) await sleep(100);
  });
});

async function start({ begin }: Work) {
  const root = await temporaryFolder();
  mkdirSync(join(root, "tmp"));
  const { args, output } = begin(root);
  const child = spawn(process.execPath, [LSG, ...args], {
    stdio: "ignore",
    env: { ...process.env, TMPDIR: join(root, "tmp") },
  });
  return { child, root, output };
}

/** Waits until a program works for a process; what it is called in /proc. */
async function programOf(child: ChildProcess): Promise<number> {
  while (child.exitCode === null) {
    const found = readdirSync("/proc").find(
      (name) => /^\d+$/.test(name) && isProgram(name, child.pid ?? 0) && secondsOf(name) > 1,
    );
    // It takes a moment from the process to the work.
    if (found !== undefined) return Number(found);
    await sleep(50);
  }
  throw new Error(`it ended with ${child.exitCode} before a stranger's work began`);
}

function isProgram(pid: string, parent: number): boolean {
  const command = read(pid, "cmdline").split("\0").filter(Boolean);
  return PROGRAM.test(command.at(-1) ?? "") && statOf(pid)[1] === String(parent);
}

/** What stands behind the name in `stat`: state, parent … */
function statOf(pid: string): string[] {
  const text = read(pid, "stat");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Of work that a process has done; the system counts in hundredths. */
function secondsOf(pid: string): number {
  return Number(statOf(pid)[11]) / 100;
}

/** A process that has ended may wait for whoever adopted it to notice. */
function isThere(pid: number): boolean {
  const [state] = statOf(String(pid));
  return state !== undefined && state !== "" && state !== "Z";
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(join("/proc", pid, file), "latin1");
  } catch {
    return "";
  }
}
