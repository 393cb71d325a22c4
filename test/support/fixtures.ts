import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The folder of fixtures, with a slash at its end. */
export const FIXTURES = fileURLToPath(new URL("../../fixtures/", import.meta.url));

/** A conversion by the reference, as fixtures/generate/conversions.py describes it. */
export interface Golden {
  readonly modelType: string;
  readonly name: string;
  readonly checkpoint: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly random: readonly string[];
  readonly comparable_rows?: readonly number[];
  /** File with the values of the global table. */
  readonly values: string;
  readonly tensors: Readonly<Record<string, { dtype: string; shape: number[]; sha256: string | null }>>;
}

/** Every golden in the fixtures. */
export function goldens(): Golden[] {
  return readdirSync(FIXTURES).flatMap((modelType) => {
    const folder = join(FIXTURES, modelType, "reference");
    const files = listOrEmpty(folder).filter((file) => file.endsWith(".json"));
    return files.map((file) => ({
      ...JSON.parse(readFileSync(join(folder, file), "utf8")),
      modelType,
      name: file.slice(0, -".json".length),
    }));
  });
}

/** A folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lsg-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function listOrEmpty(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
