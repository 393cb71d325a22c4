import { cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFolder } from "../../src/checkpoint/folder.js";
import { hashOfHashes, sourceHashes } from "../../src/checkpoint/source-hashes.js";
import { temporaryFolder } from "../support/fixtures.js";
import { variants } from "../support/variants.js";
import { append, type Damage, edit, flipBit, put, remove, set } from "./damage.js";
import { convertedSmallBert, failing, textOf, verdictOf } from "./support.js";

const RECORD = "lsg_conversion.json";
const small = convertedSmallBert();

/** A converted folder with its original beside it, which it finds by its record. */
async function pair() {
  const home = await temporaryFolder();
  const [source, folder] = [join(home, "original"), join(home, "converted")];
  cpSync(small.source, source, { recursive: true });
  cpSync(small.folder, folder, { recursive: true });
  return { home, source, folder };
}

/** A record as lsg 0.1 and the first 0.2 wrote it. */
const earlier =
  (sha256?: string): Damage =>
  (folder) =>
    edit(folder, RECORD, (record) => {
      record.format_version = 1;
      record.source = { model: record.source.model, ...(sha256 !== undefined && { sha256 }) };
    });

describe("source and result altered alike", () => {
  const weights = "model.safetensors";
  const altered: [string, Damage, string][] = [
    ["a bit of the weights", flipBit(weights, -1), weights],
    ["a word of the vocabulary", append("vocab.txt", "more\n"), "vocab.txt"],
    ["a number of the config", set("config.json", "layer_norm_eps", 1e-5), "config.json"],
    ["a file more", put("prompts.json", "{}"), "prompts.json"],
  ];
  test.each(variants(altered))(
    "%s: the record tells that it is not what was converted",
    async (_, alter, file) => {
      const { source, folder } = await pair();
      alter(source);
      alter(folder);
      const { verdict, checks } = await verdictOf(folder);
      expect([verdict, failing(checks)]).toEqual(["falls_short", ["source"]]);
      expect(textOf(checks, "source")).toMatch(
        new RegExp(`the folder original is not the original that was converted[\\s\\S]*${file}`),
      );
      // The remedy: the original as it was.
      const { checks: named } = await verdictOf(folder, { against: small.source });
      expect(failing(named)).not.toContain("source");
      expect(failing(named).length).toBeGreaterThan(0);
    },
  );

  test("of format 1, where it has one hash for all files", async () => {
    const { source, folder } = await pair();
    const hash = hashOfHashes(await sourceHashes(await openFolder(source)));
    earlier(hash)(folder);
    // Records of today have another format.
    expect(failing((await verdictOf(folder)).checks)).toEqual(["promise"]);
    for (const place of [source, folder]) flipBit(weights, -1)(place);
    const { verdict, checks } = await verdictOf(folder);
    expect([verdict, failing(checks)]).toEqual(["falls_short", ["source", "promise"]]);
    expect(textOf(checks, "source")).toMatch(new RegExp(`source\\.sha256 is \\w{64}, expected ${hash}`));
  });

  test("of format 1 without a hash: what lies there now is compared, no more, and today's lsg writes no such record", async () => {
    const { folder } = await pair();
    earlier()(folder);
    const { verdict, checks } = await verdictOf(folder);
    expect([verdict, failing(checks)]).toEqual(["falls_short", ["promise"]]);
    expect(textOf(checks, "promise")).toContain("format_version is 1, expected 2");
    expect(checks.find(({ id }) => id === "source")).toMatchObject({
      verdict: "stated",
      detail: expect.stringMatching(/no hash of it: .* compared with what lies there now, no more/),
    });
  });
});

test("a source of which only the card has changed is what was converted", async () => {
  const { source, folder } = await pair();
  put("README.md", "# Mine\n")(source);
  put("LICENSE", "MIT")(source);
  const { verdict, checks } = await verdictOf(folder);
  expect([verdict, failing(checks)]).toEqual(["sound", []]);
});

describe("a record that names as its source what came with the folder", () => {
  const named =
    (model: string): Damage =>
    (folder) =>
      edit(folder, RECORD, (record) => {
        record.source.model = model;
      });
  const inside: Damage = (folder) => cpSync(small.source, join(folder, "source"), { recursive: true });
  const forged: [string, Damage][] = [
    ["itself", named("converted")],
    ["a folder in it", (folder) => [inside, named("converted/source")].map((step) => step(folder))],
    [
      "a link in it",
      (folder) => {
        symlinkSync(small.source, join(folder, "source"));
        named("converted/source")(folder);
      },
    ],
    [
      "a link to it",
      (folder) => {
        symlinkSync(folder, join(folder, "..", "linked"));
        named("linked")(folder);
      },
    ],
    ["the folder that it lies in", named("..")],
    ["a way upwards", named("../converted/../original")],
    ["an absolute path", (folder) => named(join(folder, "..", "original"))(folder)],
    ["a name that is not there", named("another")],
  ];
  test.each(variants(forged))("%s: nothing is compared", async (_, forge) => {
    const { folder } = await pair();
    forge(folder);
    const { verdict, checks, original } = await verdictOf(folder);
    // A model inside has another length than the folder: that it falls short of as well.
    expect([verdict, original]).toEqual([failing(checks).length > 0 ? "falls_short" : "not_compared", null]);
    expect(["", "length"]).toContain(failing(checks).join());
    expect(textOf(checks, "original")).toMatch(/NOTHING WAS COMPARED/);
  });

  test.each(variants(["source", "."]))("--against %s is refused", async (name) => {
    const { folder } = await pair();
    inside(folder);
    await expect(verdictOf(folder, { against: join(folder, name) })).rejects.toThrow(
      /lie inside each other, and what comes with a folder proves nothing of it/,
    );
  });
});

describe("an altered folder is never sound", () => {
  const alter = flipBit("model.safetensors", -1);
  test.each<[string, Damage, string]>([
    ["without its record", remove(RECORD), "fine_tuned_since"],
    ["its record cut short", put(RECORD, '{"format_version": 2, "source": {'), "falls_short"],
    ["its record empty", put(RECORD, ""), "falls_short"],
    ["the hashes gone from the record", set(RECORD, "source", { model: "original" }), "falls_short"],
    [
      "another source named",
      set(RECORD, "source", { model: "other", sha256: { "config.json": "0".repeat(64) } }),
      "not_compared",
    ],
    ["a promise of nothing", set(RECORD, "promise", { lossless_up_to: 0, why: "so" }), "falls_short"],
    [
      "a proof in its record",
      set(RECORD, "verified", { "model.safetensors": "0".repeat(64) }),
      "falls_short",
    ],
    [
      "a record that is a link",
      (folder) => {
        renameSync(join(folder, RECORD), join(folder, "..", "record.json"));
        symlinkSync(join(folder, "..", "record.json"), join(folder, RECORD));
      },
      "falls_short",
    ],
    [
      "a record that names other options",
      (folder) =>
        edit(folder, RECORD, ({ options }) => {
          options.lsg = { block_size: 8 };
        }),
      "falls_short",
    ],
  ])("%s", async (_, forge, expected) => {
    const { folder } = await pair();
    alter(folder);
    forge(folder);
    expect((await verdictOf(folder)).verdict).toBe(expected);
  });

  test("its original gone, and nothing promised: not compared", async () => {
    const folder = await small.copy();
    alter(folder);
    set(RECORD, "promise", { lossless_up_to: 0, hidden_states_up_to: 0, why: "so" })(folder);
    const { verdict, summary } = await verdictOf(folder);
    expect(verdict).toBe("not_compared");
    expect(summary).toMatch(/is not compared: nothing was compared with the original/);
  });
});

describe("--against none", () => {
  test("asks for no comparison, says so, and has no remedy to offer", async () => {
    const { verdict, checks } = await verdictOf((await pair()).folder, { against: "none" });
    expect([verdict, failing(checks)]).toEqual(["not_compared", []]);
    const original = checks.find(({ id }) => id === "original");
    expect(original).toMatchObject({
      verdict: "skipped",
      detail: expect.stringMatching(/as --against none/),
    });
    expect(original).not.toHaveProperty("remedy");
  });

  test("a folder of this name is ./none", async () => {
    const { home, source, folder } = await pair();
    const none = join(home, "none");
    renameSync(source, none);
    mkdirSync(join(home, "elsewhere"));
    writeFileSync(join(home, "elsewhere", "none"), "");
    expect((await verdictOf(folder, { against: none })).verdict).toBe("sound");
  });
});
