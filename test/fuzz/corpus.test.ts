import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/fixtures.js";
import { seedsOf } from "./corpus.js";
import { minimised } from "./minimise.js";
import { inputOf } from "./mutate.js";
import { tryInput } from "./target.js";
import { TARGETS } from "./targets/targets.js";

/** Beside the corpus each target gets some inputs that are the same each time. */
const MUTATIONS = 60;

describe.each(Object.entries(TARGETS))("%s", (name, target) => {
  const seeds = seedsOf(name, target);

  test("reads or refuses its corpus, and some changes of it", async () => {
    const folder = await temporaryFolder();
    const finish = await target.prepare?.(folder);
    try {
      const read = new Set<boolean>();
      for (const [file, input] of seeds) {
        read.add(
          await tryInput(target, input, folder).catch((cause) => Promise.reject(new Error(file, { cause }))),
        );
      }
      // A corpus in which nothing is whole would prove nothing.
      expect(read).toContain(true);
      for (let index = 0; index < MUTATIONS; index++) {
        await tryInput(target, inputOf(target, [...seeds.values()], { seed: 1, name, index }), folder);
      }
    } finally {
      await finish?.();
    }
  });

  test("makes the same inputs of a seed each time, and others of another", () => {
    const digest = (seed: number) => {
      const hash = createHash("sha256");
      for (let index = 0; index < 20; index++)
        hash.update(inputOf(target, [...seeds.values()], { seed, name, index }));
      return hash.digest("hex");
    };
    expect(digest(7)).toBe(digest(7));
    expect(digest(8)).not.toBe(digest(7));
  });
});

test("what was found is made small", async () => {
  const run = async (input: Buffer) => {
    if (input.includes("ab") && input.includes("z")) throw new TypeError("found");
  };
  const input = Buffer.from(`${"x".repeat(500)}ab${"y".repeat(300)}z`);
  const error = await run(input).catch((thrown: unknown) => thrown);
  expect((await minimised(input, error, run)).toString()).toBe("abz");
});
