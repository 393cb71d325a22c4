import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { MARK_FILE } from "../../src/checkpoint/interrupted/mark.js";
import { parseWorkName } from "../../src/checkpoint/interrupted/work-name.js";
import { LSG, lsg } from "../support/cli.js";
import { prepare, type Scenario, SIBLINGS } from "./scenarios.js";

const KILLER = fileURLToPath(new URL("killer.js", import.meta.url));

/** When a run is killed: at a call that changes something on the disk, or so many milliseconds after it began. */
export type Moment =
  | { readonly at: number; readonly when: "before" | "during" | "after" }
  | { readonly milliseconds: number };

/** What a folder holds: its files by path, as hashes. Undefined where there is none. */
type Content = Readonly<Record<string, string>> | undefined;

/** A scenario as it is before, and as it is after a run that nobody kills. */
export interface Prepared {
  readonly scenario: Scenario;
  /** A folder to copy. */
  readonly folder: string;
  readonly old: Content;
  readonly whole: Content;
  /** Calls that change something on the disk. */
  readonly calls: number;
  readonly milliseconds: number;
  remove(): Promise<void>;
}

export async function prepareScenario(scenario: Scenario): Promise<Prepared> {
  const root = await mkdtemp(join(tmpdir(), "lsg-kills-"));
  const [folder, done, counts] = ["before", "done", "counts"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(folder);
  await prepare(folder, scenario);
  await cp(folder, done, { recursive: true });
  const begin = performance.now();
  const { code, stderr } = await lsg(scenario.args, {
    cwd: join(done, scenario.from ?? ""),
    env: { ...process.env, NODE_OPTIONS: `--import ${KILLER}`, COUNT_IN: counts },
  });
  expect(code, stderr).toBe(0);
  // Of the processes of a run the one that writes most is the one that is killed at a call.
  const calls = Math.max(...(await readFile(counts, "utf8")).trim().split("\n").map(Number));
  return {
    scenario,
    folder,
    old: contentOf(join(folder, "out")),
    whole: contentOf(join(done, "out")),
    calls,
    milliseconds: performance.now() - begin,
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** Kills a run of a scenario, and holds what is there then, and after the next run, to what was promised. */
export async function killAndCheck(
  { scenario, folder, old, whole }: Prepared,
  moment: Moment,
  { looksFirst, deletes }: { looksFirst: boolean; deletes: boolean },
): Promise<"old" | "new" | "between"> {
  const root = await mkdtemp(join(tmpdir(), "lsg-killed-"));
  const [place, temporary] = [join(root, "place"), join(root, "tmp")];
  await cp(folder, place, { recursive: true });
  await mkdir(temporary);
  const out = join(place, "out");
  const env = { ...process.env, TMPDIR: temporary };
  const again = (args: readonly string[], from = "") => lsg(args, { cwd: join(place, from), env });
  try {
    await killed(scenario, join(place, scenario.from ?? ""), env, moment);
    const left = contentOf(out);
    const found = stateOf(left, old, whole);
    // What is neither is marked, or has the old one aside, whole.
    if (found === "between" && left) expect(Object.keys(left)).toContain(MARK_FILE);
    if (looksFirst) {
      // Who only reads sees a whole one, or is told that there is none.
      const { code, stderr } = await again(["inspect", "out"]);
      expect([0, 2], stderr).toContain(code);
      if (found === "new") expect(code, stderr).toBe(stateIsModel(whole) ? 0 : 2);
      if (code === 0) expect(["old", "new"]).toContain(stateOf(contentOf(out), old, whole));
    }
    if (found === "new" && deletes && scenario.from === undefined) {
      await rm(out, { recursive: true });
      const { code } = await again(["inspect", "out"]);
      expect(code, "what was replaced must not come back").toBe(2);
      expect(contentOf(out)).toBeUndefined();
      const needsOld = scenario.args[1] === "out" || scenario.args.includes("--op-only");
      if (needsOld) return found;
    }
    const { code, stderr } = await again(scenario.args, scenario.from);
    // What was done is not done again without --force.
    const isDone = code === 2 && found === "new" && /exists|not empty/.test(stderr);
    if (!isDone) expect(code, stderr).toBe(0);
    expect(contentOf(out)).toEqual(whole);
    expect(readdirSync(place).sort()).toEqual(
      [...SIBLINGS, "source", "out", ...(scenario.beside ?? [])].sort(),
    );
    for (const name of SIBLINGS) expect(contentOf(join(place, name))).toEqual(contentOf(join(folder, name)));
    expect(contentOf(join(place, "source"))).toEqual(contentOf(join(folder, "source")));
    if (scenario.args.includes("--run-test") || scenario.args[0] === "batch")
      expect(readdirSync(temporary).filter((name) => name.startsWith("lsg-"))).toEqual([]);
    return found;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function killed(
  { args }: Scenario,
  cwd: string,
  env: NodeJS.ProcessEnv,
  moment: Moment,
): Promise<void> {
  const atCall = "at" in moment;
  const killing = atCall
    ? { NODE_OPTIONS: `--import ${KILLER}`, KILL_AT: String(moment.at), KILL_WHEN: moment.when }
    : {};
  // A group of its own: the processes that a batch started are killed with it.
  const child = spawn(process.execPath, [LSG, ...args], {
    cwd,
    env: { ...env, ...killing },
    stdio: "ignore",
    detached: true,
  });
  const closed = once(child, "close");
  if (!atCall) {
    await Promise.race([sleep(moment.milliseconds), closed]);
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // It was done.
    }
  }
  await closed;
}

/** What is written into a folder is no part of it before it is in its place: every verb passes over it. */
function stateOf(content: Content, old: Content, whole: Content): "old" | "new" | "between" {
  const isPart = ([path]: [string, string]) => parseWorkName(path.split("/")[0] ?? "") === undefined;
  const parts = content && Object.fromEntries(Object.entries(content).filter(isPart));
  const [now, before, after] = [parts, old, whole].map((one) => JSON.stringify(one));
  return now === after ? "new" : now === before ? "old" : "between";
}

function stateIsModel(content: Content): boolean {
  return Object.keys(content ?? {}).some((path) => path.endsWith(".safetensors"));
}

function contentOf(folder: string): Content {
  let paths: string[];
  try {
    paths = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return undefined;
  }
  const hash = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return Object.fromEntries(paths.sort().map((path) => [path.slice(folder.length + 1), hash(path)]));
}
