import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededUniform } from "../../src/base/random.js";
import { killAndCheck, type Moment, type Prepared, prepareScenario } from "../kills/kill.js";
import { SCENARIOS } from "../kills/scenarios.js";
import { PATIENCE } from "../support/patience.js";
import { variants } from "../support/variants.js";

/**
 * Kills of each scenario: so many at calls that change something on the disk, and so many at any moment. `all` kills at
 * every call, before it, in its midst and after it: `KILLS=all npm run kills`.
 */
const { KILLS = "1", KILLS_SEED = "7" } = process.env;

/** Some hundred kills take as long as they take. */
const TIMEOUT = process.env.KILLS ? 24 * 60 * 60 * 1000 : PATIENCE;

/** Of `npm test` alone one. */
const scenarios = process.env.KILLS ? SCENARIOS : variants(SCENARIOS);

const WHEN = ["before", "during", "after"] as const;

function momentsOf({ calls, milliseconds }: Prepared, uniform: () => number): Moment[] {
  if (KILLS === "all")
    return Array.from({ length: calls }, (_, i) => WHEN.map((when) => ({ at: i + 1, when }))).flat();
  return Array.from({ length: Number(KILLS) }, () => [
    { at: 1 + Math.floor(uniform() * calls), when: WHEN[Math.floor(uniform() * WHEN.length)] ?? "before" },
    { milliseconds: uniform() * milliseconds },
  ]).flat();
}

describe.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  "%s, killed",
  (_, scenario) => {
    let prepared: Prepared;
    beforeAll(async () => {
      prepared = await prepareScenario(scenario);
    });
    afterAll(() => prepared.remove());

    async function killAll() {
      const uniform = seededUniform(Number(KILLS_SEED) + SCENARIOS.indexOf(scenario));
      const found = { old: 0, new: 0, between: 0 };
      for (const moment of momentsOf(prepared, uniform)) {
        const then = { looksFirst: uniform() < 0.3, deletes: uniform() < 0.5 };
        const state = await killAndCheck(prepared, moment, then).catch((cause: Error) => {
          throw new Error(`${JSON.stringify({ moment, ...then })}: ${cause.message}`, { cause });
        });
        found[state]++;
      }
      if (process.env.KILLS)
        console.log(`${scenario.name}: ${prepared.calls} calls, ${JSON.stringify(found)}`);
      expect(found.old + found.new + found.between).toBeGreaterThan(0);
    }

    test("leaves the old one or the new one, and nothing once it is run again", killAll, TIMEOUT);
  },
);
