import { existsSync, readFileSync } from "node:fs";

/** Whether the sources run as they are, as in tests; else this file stands in `dist/src/base/` or in the bundle, `dist/lsg/`. */
const IS_SOURCE = import.meta.url.endsWith(".ts");

/** The package's folder, which holds package.json. */
const PACKAGE = packageFolder(new URL("./", import.meta.url));

/** Tables of the model types: sources in tests, else compiled. Adding a file adds an architecture; there is no list to keep. */
export const CONVERTERS = new URL(IS_SOURCE ? "converters/" : "dist/converters/", PACKAGE);

/** Python files that are put into converted checkpoints, one for each model type, as the build makes them. */
export const MODELING_FOLDER = new URL("dist/modeling/", PACKAGE);

/** The parts that they are made of, and the program that verifies them. */
export const MODELING_PARTS = new URL("converters/modeling/", PACKAGE);

/** The licence of lsg, and of what it puts into a converted checkpoint. */
export const LICENCE = new URL("LICENSE", PACKAGE);

/** What package.json says of lsg. */
export function packageInfo(): {
  readonly name: string;
  readonly version: string;
  readonly description: string;
} {
  return JSON.parse(readFileSync(new URL("package.json", PACKAGE), "utf8"));
}

/**
 * A program of ours as a file that node runs: always compiled, also where the sources are run as they are.
 * @param path its path below `src/`, without an extension: `bench/program`
 */
export function ownProgram(path: string): URL {
  return new URL(`dist/src/${path}.js`, PACKAGE);
}

/**
 * A program of ours that the build puts into one file, because it is started often.
 * @param name its name among rolldown's inputs
 */
export function bundledProgram(name: string): URL {
  return new URL(`dist/lsg/${name}.js`, PACKAGE);
}

function packageFolder(folder: URL): URL {
  if (existsSync(new URL("package.json", folder))) return folder;
  const above = new URL("../", folder);
  if (above.href === folder.href) throw new Error(`${import.meta.url}: no package.json lies above it`);
  return packageFolder(above);
}
