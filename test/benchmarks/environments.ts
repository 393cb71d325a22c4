import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** From `dist/test/benchmarks/`. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A script of this folder, where it lies in the sources. */
export function script(name: string): string {
  return join(ROOT, "test", "benchmarks", name);
}

/** A Python with some of the alternatives. */
export interface Python {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Environment extends Python {
  readonly packages: readonly string[];
  /** What makes it. */
  readonly madeBy: string;
}

/** One Python with a folder of packages for each version of transformers. */
function parity(folder: string): Python {
  const home = join(ROOT, ".venv-parity");
  return { command: join(home, "base", "bin", "python"), env: { PYTHONPATH: join(home, folder) } };
}

const OWN = process.env.LSG_REFERENCE_PYTHON;

const ENVIRONMENTS = {
  /** lsg-converter runs with this transformers only. */
  reference: {
    ...(OWN ? { command: OWN, env: {} } : parity("tf-4.40")),
    packages: ["torch", "transformers", "lsg-converter"],
    madeBy:
      "python3 test/parity/run.py, or name one with fixtures/generate/requirements.txt: LSG_REFERENCE_PYTHON",
  },
  transformers: {
    ...parity("tf-5.23"),
    packages: ["torch", "transformers"],
    madeBy: "python3 test/parity/run.py",
  },
  optimum: {
    command: join(ROOT, ".venv-clients", "bin", "python"),
    env: {},
    packages: ["torch", "transformers", "optimum-onnx"],
    madeBy: "bash test/parity/clients/run.sh",
  },
} as const satisfies Readonly<Record<string, Environment>>;

export type EnvironmentName = keyof typeof ENVIRONMENTS;

/** The versions of an environment's packages; undefined where it is absent or lacks one. */
function versionsIn({ command, env, packages }: Environment): string | undefined {
  if (!existsSync(command)) return undefined;
  const code =
    "import sys, importlib.metadata as m; print(', '.join(f'{p} {m.version(p)}' for p in sys.argv[1:]))";
  try {
    const options = { encoding: "utf8", env: { ...process.env, ...env }, stdio: "pipe" } as const;
    return execFileSync(command, ["-c", code, ...packages], options).trim();
  } catch {
    return undefined;
  }
}

const versions = new Map<EnvironmentName, string | undefined>();

/** An environment, if it is there. */
export function findPython(name: EnvironmentName): Python | undefined {
  if (!versions.has(name)) versions.set(name, versionsIn(ENVIRONMENTS[name]));
  return versions.get(name) === undefined ? undefined : ENVIRONMENTS[name];
}

/** What each environment has, or that its rows are missing and how to get them. */
export function environmentLines(): string[] {
  return (Object.keys(ENVIRONMENTS) as EnvironmentName[]).map((name) => {
    if (findPython(name)) return `Python, ${name}: ${versions.get(name)}`;
    return `Python, ${name}: absent, its rows are left out (${ENVIRONMENTS[name].madeBy})`;
  });
}
