import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededUniform } from "../../src/base/random.js";
import { killAndCheck, type Moment, type Prepared, prepareScenario } from "../kills/kill.js";
import { SCENARIOS } from "../kills/scenarios.js";
import { PATIENCE } from "../support/patience.js";

/**
 * Kills of each scenario: so many at calls that change something on the disk, and so many at any moment. `all` kills at
 * every call, before it, in its midst and after it: `KILLS=all npm run kills`.
 */
const { KILLS = "1" } = process.env;
const SEED = Number(process.env.KILLS_SEED ?? 7);

/** Some hundred kills take as long as they take. */
const TIMEOUT = process.env.KILLS ? 24 * 60 * 60 * 1000 : PATIENCE;

const WHEN = ["before", "during", "after"] as const;

describe.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
  "%s that is killed",
  (_, scenario) => {
    let prepared: Prepared;
    beforeAll(async () => {
      prepared = await prepareScenario(scenario);
    });
    afterAll(() => prepared.remove());

    test("leaves the old one or the new one, and nothing once it is run again", async () => {
      const uniform = seededUniform(SEED + SCENARIOS.indexOf(scenario));
      const { calls, milliseconds } = prepared;
      const moments: Moment[] =
        KILLS === "all"
          ? Array.from({ length: calls * WHEN.length }, (_, i) => ({
              at: 1 + Math.floor(i / WHEN.length),
              when: WHEN[i % WHEN.length] ?? "before",
            }))
          : Array.from({ length: 2 * Number(KILLS) }, (_, i) =>
              i % 2 === 0
                ? { at: 1 + Math.floor(uniform() * calls), when: WHEN[Math.floor(uniform() * 3)] ?? "before" }
                : { milliseconds: uniform() * milliseconds },
            );
      const found = { old: 0, new: 0, between: 0 };
      for (const moment of moments) {
        const then = { looksFirst: uniform() < 0.3, deletes: uniform() < 0.5 };
        const state = await killAndCheck(prepared, moment, then).catch((error: unknown) => {
          throw new Error(`${JSON.stringify({ moment, ...then })}: ${(error as Error).message}`, {
            cause: error,
          });
        });
        found[state]++;
      }
      if (process.env.KILLS) console.log(`${scenario.name}: ${calls} calls, ${JSON.stringify(found)}`);
      expect(found.old + found.new + found.between).toBe(moments.length);
    });
  },
);
