import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EARLIER_MODELING } from "../../src/architectures/earlier-modeling.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { append, type Damage, remove, set } from "./damage.js";
import { failing, textOf, verdictOf } from "./support.js";

const SOURCE = join(FIXTURES, "bert", "checkpoint");

/** A folder that this version wrote, of SOURCE, to 600 tokens; nothing in it was ever changed. */
const folderOf = (version: string) => join(FIXTURES, "earlier", version);

async function damaged(version: string, damage: Damage): Promise<string> {
  const folder = join(await temporaryFolder(), "copy");
  cpSync(folderOf(version), folder, { recursive: true });
  damage(folder);
  return folder;
}

test("there is a folder of each", () => {
  expect(readdirSync(join(FIXTURES, "earlier"))).toEqual([...EARLIER_MODELING.keys()]);
});

describe.each([...EARLIER_MODELING.keys()])("a folder that lsg %s wrote", (version) => {
  const given = { against: SOURCE, lengths: [5, 512, 600] };

  test("verifies as it did then", async () => {
    const record = JSON.parse(readFileSync(join(folderOf(version), "lsg_conversion.json"), "utf8"));
    expect(record.lsg_version).toBe(version);
    const { verdict, checks } = await verdictOf(folderOf(version), given);
    expect([verdict, failing(checks)]).toEqual(["pass", []]);
    const ids = checks.filter(({ verdict }) => verdict === "pass").map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining(["config", "files", "weights", "modeling", "promise", "lossless"]),
    );
  });

  test.each([
    [
      "with another byte in its code",
      append("lsg_model.py", "\n"),
      ["modeling"],
      /lsg_model\.py is not the file/,
    ],
    ["without a part of its code", remove("lsg_cpu.py"), ["modeling"], /lsg_cpu\.py is missing/],
    [
      "that says this version wrote it",
      set("lsg_conversion.json", "lsg_version", undefined),
      ["config", "files", "modeling"],
      /modeling_lsg_bert\.py is not the file that comes with lsg/,
    ],
  ])("%s fails", async (_, damage, fails, says) => {
    const { checks } = await verdictOf(await damaged(version, damage), given);
    expect(failing(checks)).toEqual(fails);
    expect(textOf(checks, "modeling")).toMatch(says);
  });
});
