import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Architecture, type ConfigKey, stacksOf } from "../../src/architectures/architecture.js";
import { findArchitecture } from "../../src/architectures/architectures.js";
import { positionOffset, statedPositions } from "../../src/model/positions.js";
import { type Changes, changedCheckpoint } from "./changed-checkpoint.js";
import { FIXTURES } from "./fixtures.js";
import type { ReadTensor } from "./safetensors.js";

/** Ids of special tokens as configs have them. */
const ID_KEY = /_token_id$/;

/** The rows of a table from one on. */
export function rowsOf({ dtype, shape, bytes }: ReadTensor, start: number, count: number): ReadTensor {
  const row = bytes.length / (shape[0] ?? 1);
  return {
    dtype,
    shape: [count, ...shape.slice(1)],
    bytes: bytes.subarray(start * row, (start + count) * row),
  };
}

/** Names of the tables of positions among tensors. */
export function positionTables(architecture: Architecture, names: Iterable<string>): string[] {
  const modules = stacksOf(architecture).map(({ embeddings }) => `${embeddings.position}.weight`);
  return [...names].filter((name) =>
    modules.some((module) => name === module || name.endsWith(`.${module}`)),
  );
}

/** A fixture's checkpoint that reads so few positions that a verification takes a second. */
export async function shortCheckpoint(
  modelType: string,
  positions: number,
  config: NonNullable<Changes["config"]> = {},
): Promise<string> {
  const architecture = await findArchitecture(modelType);
  const source = join(FIXTURES, modelType, "checkpoint");
  const own = JSON.parse(readFileSync(join(source, "config.json"), "utf8"));
  const offset = positionOffset(architecture, { ...own, ...config });
  const counted = statedPositions(architecture, positions, offset);
  const keyOf = (key: ConfigKey | undefined) =>
    typeof key === "object" ? key[0] : "max_position_embeddings";
  return changedCheckpoint(source, {
    config: {
      [keyOf(architecture.config.positions)]: counted,
      // An LED's decoder counts its positions apart.
      ...(architecture.decoder?.config.positions && {
        [keyOf(architecture.decoder.config.positions)]: positions,
      }),
      ...config,
    },
    tensors(tensors) {
      for (const name of positionTables(architecture, tensors.keys())) {
        tensors.set(name, rowsOf(tensors.get(name) as ReadTensor, 0, offset + positions));
      }
    },
  });
}

/** Changes of a config that take every special token's id out of it. */
export function withoutIds(config: Readonly<Record<string, unknown>>): Record<string, undefined> {
  return Object.fromEntries(
    Object.keys(config)
      .filter((key) => ID_KEY.test(key))
      .map((key) => [key, undefined]),
  );
}
