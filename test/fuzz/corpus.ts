import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Target } from "./target.js";

/** The package's folder: this file is run as it is, and compiled below `dist/`. */
const ROOT = join(import.meta.dirname, import.meta.filename.endsWith(".ts") ? "../.." : "../../..");

/** Seeds of a target by their names, in an order that is the same everywhere. */
export function seedsOf(name: string, { fixtures }: Target): ReadonlyMap<string, Buffer> {
  const folder = join(ROOT, "test/fuzz/corpus", name);
  const own = existsSync(folder) ? readdirSync(folder).sort() : [];
  return new Map(
    [...own.map((file) => join(folder, file)), ...fixtures.map((file) => join(ROOT, "fixtures", file))].map(
      (path) => [basename(path), readFileSync(path)],
    ),
  );
}
