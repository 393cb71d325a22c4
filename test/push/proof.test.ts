import { readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { push } from "../../src/commands/push.js";
import { parseConvertOptions, parsePushOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { append, type Damage, edit, flipBit, put, remove, set } from "../verify/damage.js";
import { writeSmallBert } from "../verify/small-bert.js";
import { train } from "../verify/trained.js";
import { branch, setUpPush } from "./support.js";

const hub = setUpPush();
const GIVEN = { maxSequenceLength: 96, device: "cpu" };
const WEIGHTS = "model.safetensors";

let [source, folder] = ["", ""];
beforeEach(async () => {
  const home = await temporaryFolder();
  [source, folder] = [writeSmallBert(join(home, "original")), join(home, "out")];
  await convert(source, folder, parseConvertOptions(GIVEN));
});

/** Pushes what was proven. @param meanwhile done to the folder once its last check was made */
function pushProven(given: object = {}, meanwhile?: () => void, repo = "me/long") {
  return push(folder, repo, parsePushOptions({ device: "cpu", ...given }), {
    listener: { onCheck: ({ id }) => void (id === "cost" && meanwhile?.()) },
  });
}

const isUntouched = () => hub.server.requests.every(({ method }) => method === "GET");

describe("a push proves what it pushes", () => {
  it("whatever the record says of an earlier proof", async () => {
    flipBit(WEIGHTS, -1)(folder);
    edit(folder, "lsg_conversion.json", (record) => {
      record.format_version = 1;
      record.source = { model: "original" };
      record.verified = { [WEIGHTS]: "0".repeat(64) };
    });
    await expect(pushProven()).rejects.toThrow(/out was not pushed: .* is NOT what it claims to be/);
    expect(isUntouched()).toBe(true);
  });

  it("and needs no proof where there is nothing to push", async () => {
    expect(await pushProven()).toMatchObject({ pushed: true, verified: "now" });
    flipBit(WEIGHTS, -1)(source);
    expect(await pushProven()).toMatchObject({ pushed: false, verified: "no" });
  });
});

describe("what was changed since its proof is not pushed", () => {
  const unseen: Damage = (place) => {
    // Of the same size, and with the time that it had.
    flipBit(WEIGHTS, -1)(place);
    utimesSync(join(place, WEIGHTS), 1e9, 1e9);
  };
  it.each<[string, Damage, RegExp]>([
    ["weights", flipBit(WEIGHTS, -1), /model\.safetensors/],
    ["a small file", append("vocab.txt", "x\n"), /vocab\.txt/],
    ["the record", set("lsg_conversion.json", "promise", {}), /lsg_conversion\.json/],
    ["weights, their time put back", unseen, /model\.safetensors/],
  ])("%s", async (_, change, file) => {
    await expect(pushProven({}, () => change(folder))).rejects.toThrow(
      new RegExp(`${file.source} has changed while it was read`),
    );
    expect(Object.keys(branch(hub, "me/long"))).not.toContain(WEIGHTS);
  });

  it.each<[string, Damage]>([
    ["added", put("adapter_config.json", "{}")],
    ["removed", remove("vocab.txt")],
    ["changed", append("vocab.txt", "x\n")],
    ["changed \\(its sha256", unseen],
  ])("a file that was %s between a conversion's proof and its push", async (how, change) => {
    const output = join(folder, "..", "again");
    // The first step after the folder is in its place is what the push says of the repository.
    const options = parseConvertOptions({ ...GIVEN, pushTo: "me/long" });
    const { openRunTest } = await import("../../src/commands/run-test.js");
    const { openFolder } = await import("../../src/checkpoint/folder.js");
    const { openPushTo } = await import("../../src/commands/push.js");
    const { openModel } = await import("../../src/model/open.js");
    await convert(source, output, parseConvertOptions(GIVEN));
    const original = openModel(await openFolder(source));
    const runTest = await openRunTest({
      ...options,
      ...{ original, isSealed: true, signal: undefined, listener: undefined },
    });
    const proof = await runTest(await openFolder(output), "again");
    change(output);
    const pushing = (await openPushTo("me/long", options, {}))(output, proof);
    await expect(pushing).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(new RegExp(`nothing was pushed: \\S+ was ${how}`)),
    });
    expect(Object.keys(branch(hub, "me/long"))).not.toContain(WEIGHTS);
  });

  it("nor left out since the repository holds it, if that is not what was proven", async () => {
    await pushProven();
    const sent = readFileSync(join(folder, "vocab.txt"));
    flipBit("vocab.txt", 0)(folder);
    flipBit("vocab.txt", 0)(source);
    const output = `${folder}-2`;
    await convert(source, output, parseConvertOptions({ ...GIVEN, pushTo: "me/other" }));
    expect(Buffer.from(branch(hub, "me/other")["vocab.txt"] ?? "")).not.toEqual(sent);
    expect(Buffer.from(branch(hub, "me/long")["vocab.txt"] ?? "")).toEqual(sent);
  });
});

describe("by its verdict a folder", () => {
  it("that was fine-tuned since is pushed, and the card says so before all else, once", async () => {
    const trained = train(folder, `${folder}-trained`, { version: "5.23.0" });
    folder = trained;
    const { verified, verification } = await pushProven();
    expect([verified, verification?.verdict]).toEqual(["now", "fine_tuned_since"]);
    const card = String(branch(hub, "me/long")["README.md"]);
    expect(card).toMatch(/---\n\n> \*\*Fine-tuned since its conversion\*\*: it came without .*\n\n# trained/);
    put("README.md", card)(trained);
    append("vocab.txt", "")(trained);
    await pushProven({}, undefined, "me/second");
    expect(String(branch(hub, "me/second")["README.md"]).match(/Fine-tuned since/g)).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["its original gone", {}],
    ["no comparison asked for", { against: "none" }],
  ])("that was not compared, %s, is pushed with --no-verify only", async (name, given) => {
    if (name === "its original gone") rmSync(source, { recursive: true });
    await expect(pushProven(given)).rejects.toMatchObject({
      exitCode: 1,
      report: { verdict: "not_compared" },
    });
    expect(isUntouched()).toBe(true);
    expect(await pushProven({ ...given, verify: false })).toMatchObject({ pushed: true, verified: "no" });
  });

  it("that is an ordinary model is refused in a sentence, which names --no-verify", async () => {
    folder = source;
    await expect(pushProven()).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/is an ordinary BERT, which was not converted: there is nothing/),
      remedy: expect.stringMatching(/lsg convert .*; --no-verify pushes it as it is/),
    });
    expect(await pushProven({ verify: false })).toMatchObject({ pushed: true });
  });
});
