import { join } from "node:path";
import { expect, test } from "vitest";
import { openSource } from "../../src/checkpoint/open-source.js";
import { planToJson } from "../../src/cli/convert.js";
import { openModel } from "../../src/model/open.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { withHashes } from "../../src/plan/conversion-record.js";
import { planModel } from "../../src/plan/plan-source.js";
import type { ConversionPlan } from "../../src/plan/types.js";
import { FIXTURES } from "../support/fixtures.js";

async function planOf(modelType: string, given: Readonly<Record<string, unknown>>): Promise<ConversionPlan> {
  const opened = openModel(await openSource(join(FIXTURES, modelType, "checkpoint")));
  return planModel(opened, parseConvertOptions(given), { source: { model: "source" } });
}

/** Everything that a value holds, itself included. */
function parts(value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const inside = value instanceof Map ? [...value.values()] : Object.values(value);
  return [value, ...inside.flatMap(parts)];
}

const cases: [string, Readonly<Record<string, unknown>>][] = [
  ["roberta", { addTokens: "[ent],[/ent]" }],
  ["bart", { maxSequenceLength: 2048 }],
  ["bart", { to: "longformer" }],
  ["mpnet", { to: "windows" }],
];

test.each(cases)("the plan of %s with %o is frozen, and so it is with hashes", async (modelType, given) => {
  const plan = await planOf(modelType, given);
  for (const one of [plan, withHashes(plan, { "config.json": "0".repeat(64) })]) {
    for (const part of parts(one)) {
      expect(Object.isFrozen(part)).toBe(true);
      if (part instanceof Map) expect(() => part.set("more", 1)).toThrow(TypeError);
    }
  }
});

test.each(cases)(
  "the JSON of a plan of %s with %o has the keys that are promised",
  async (modelType, given) => {
    const json = JSON.parse(JSON.stringify(planToJson(await planOf(modelType, given))));
    const plan = [
      "attention",
      "carried",
      "config",
      "dropped",
      "notes",
      "omitted",
      "record",
      "shards",
      "sideFiles",
    ];
    expect(Object.keys(json).sort()).toEqual(plan);
    expect(Object.keys(json.config)).toEqual(["set", "remove"]);
    for (const shard of json.shards) expect(Object.keys(shard)).toEqual(["file", "metadata", "tensors"]);
    const added = json.sideFiles.filter((file: object) => "addsTokens" in file);
    expect(added.length > 0).toBe("addTokens" in given);
    for (const file of added) expect(Object.keys(file)).toEqual(["kind", "path", "edits", "addsTokens"]);
  },
);
