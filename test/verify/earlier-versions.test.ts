import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { EARLIER_MODELING } from "../../src/architectures/earlier-modeling.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { append, type Damage, put, remove, set } from "./damage.js";
import { failing, textOf, verdictOf } from "./support.js";

const SOURCE = join(FIXTURES, "bert", "checkpoint");

/** A folder that this version wrote, of SOURCE, to 600 tokens; nothing in it was ever changed. */
const folderOf = (version: string) => join(FIXTURES, "earlier", version);

/** The weights' files without metadata, as some tools write them. */
const withoutMetadata: Damage = (folder) => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".safetensors"))) {
    const path = join(folder, file);
    writeFileSync(path, writeSafetensors(Object.fromEntries(readSafetensors(path))));
  }
};

/** A copy of the original with something about it that earlier versions passed on in another way. */
async function originalWith(...changes: readonly Damage[]): Promise<string> {
  const folder = join(await temporaryFolder(), "original");
  cpSync(SOURCE, folder, { recursive: true });
  for (const change of changes) change(folder);
  return folder;
}

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

  test("verifies though files were left out that are kept today", async () => {
    const against = await originalWith(
      ...["classifier.pt", "heads/topic.pth", "ner.bin", "crf.safetensors", "scale.npz"].map((path) =>
        put(path, "a head of its own"),
      ),
    );
    const { checks } = await verdictOf(folderOf(version), { ...given, against });
    expect(failing(checks)).toEqual([]);
  });

  test("fails where another file of the original is missing", async () => {
    const against = await originalWith(put("prompts.json", "{}"));
    const { checks } = await verdictOf(folderOf(version), { ...given, against });
    expect(failing(checks)).toEqual(["files"]);
    expect(textOf(checks, "files")).toMatch(/prompts\.json is missing/);
  });

  test("verifies though its weights have no metadata, as the original's have none", async () => {
    const against = await originalWith(withoutMetadata);
    const { checks } = await verdictOf(await damaged(version, withoutMetadata), { ...given, against });
    expect(failing(checks)).toEqual([]);
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
      ["config", "files", "modeling", "promise"],
      /modeling_lsg_bert\.py is not the file that comes with lsg/,
    ],
  ])("%s fails", async (_, damage, fails, says) => {
    const { checks } = await verdictOf(await damaged(version, damage), given);
    expect(failing(checks)).toEqual(fails);
    expect(textOf(checks, "modeling")).toMatch(says);
  });
});
