import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { append, edit, put, set } from "./damage.js";
import { writeSmallBert } from "./small-bert.js";
import { checksOf, convertedSmallBert, failing, textOf, verdictOf } from "./support.js";

const small = convertedSmallBert({}, { onnx: true });
const against = small.source;

test("a folder that is verified stays as it was", async () => {
  const contents = () =>
    readdirSync(small.folder, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) => {
      const { mtimeMs, size, nlink } = statSync(join(parentPath, name));
      return [parentPath, name, mtimeMs, size, nlink];
    });
  const before = contents();
  await verdictOf(small.folder, { against });
  expect(contents()).toEqual(before);
});

test("a text of one's own is what predictions are shown for", async () => {
  const checks = await checksOf(small.folder, { against, text: "ein <mask> Text" }, "outputs");
  expect(textOf(checks, "predictions")).toMatch(/^“ein <mask> Text” \(\d+ tokens\): the same answers/);
  expect(checks.find(({ id }) => id === "predictions")?.table?.rows.length).toBe(5);
});

describe("a folder that was changed in what does not count", () => {
  test("its JSON saved again in another order and layout", async () => {
    const folder = await small.copy();
    for (const file of ["config.json", "tokenizer_config.json", "lsg_conversion.json"]) {
      const entries = Object.entries(JSON.parse(readFileSync(join(folder, file), "utf8")));
      writeFileSync(join(folder, file), JSON.stringify(Object.fromEntries(entries.toReversed()), null, 1));
    }
    edit(folder, "tokenizer.json", () => {});
    expect((await verdictOf(folder, { against })).summary).toMatch(/is sound/);
  });

  test("its model card edited, and what repositories hold besides", async () => {
    const folder = await small.copy();
    append("README.md", "\nTrained by me.\n")(folder);
    put(".gitattributes", "*.onnx filter=lfs\n")(folder);
    put("LICENSE", "MIT")(folder);
    mkdirSync(join(folder, ".git"));
    put(".git/model.safetensors", "x")(folder);
    expect((await verdictOf(folder, { against })).summary).toMatch(/is sound/);
  });

  test("what the original has beside its model, and lsg 0.1.0 copied", async () => {
    const root = await temporaryFolder();
    const source = writeSmallBert(join(root, "source"));
    const folder = join(root, "converted");
    for (const path of ["train.csv", "trainer_state.json", ".DS_Store"]) put(path, "x")(source);
    await convert(source, folder, parseConvertOptions({ maxSequenceLength: 96 }));
    expect(readdirSync(folder)).not.toContain("train.csv");
    for (const path of ["train.csv", "trainer_state.json", ".DS_Store"]) put(path, "x")(folder);
    expect((await verdictOf(folder, { against: source })).summary).toMatch(/is sound/);
    put("trainer_state.json", "y")(folder);
    const { checks } = await verdictOf(folder, { against: source });
    expect(textOf(checks, "files")).toMatch(/trainer_state\.json is not planned/);
  });

  test("its files links, as a cache of the Hub has them", async () => {
    const folder = await small.copy();
    const repo = join(folder, "..", "models--me--small");
    const snapshot = join(repo, "snapshots", "0123");
    mkdirSync(join(repo, "blobs"), { recursive: true });
    mkdirSync(join(repo, "snapshots"));
    renameSync(folder, snapshot);
    const files = readdirSync(snapshot, { recursive: true, withFileTypes: true });
    for (const [i, { parentPath, name }] of files.filter((file) => file.isFile()).entries()) {
      const blob = join(repo, "blobs", `${i}`);
      renameSync(join(parentPath, name), blob);
      symlinkSync(relative(parentPath, blob), join(parentPath, name));
    }
    expect((await verdictOf(snapshot, { against })).summary).toMatch(/is sound/);
  });

  test("moved, and shown its original", async () => {
    const folder = await small.copy();
    renameSync(folder, `${folder}-elsewhere`);
    expect((await verdictOf(`${folder}-elsewhere`, { against })).verdict).toBe("pass");
  });
});

describe("the original", () => {
  const alone = convertedSmallBert();

  test("is found beside the folder", async () => {
    const { original, checks, summary } = await verdictOf(alone.folder);
    expect(original).toBe(basename(alone.source));
    expect(failing(checks)).toEqual([]);
    expect(summary).toMatch(
      /every weight and file is as planned; at 5, 32 tokens it computes what the original/,
    );
  });

  test("is gone: what can be checked is, and it says aloud that nothing was compared", async () => {
    const { original, checks, verdict, summary } = await verdictOf(await alone.copy());
    expect([original, verdict, failing(checks)]).toEqual([null, "pass", []]);
    expect(textOf(checks, "original")).toMatch(/NOTHING WAS COMPARED/);
    expect(summary).toMatch(/nothing was compared with the original/);
    const ids = checks.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["modeling", "length", "attention-op", "sweep", "reach"]));
    expect(ids).not.toContain("weights");
    expect(ids).not.toContain("lossless");
  });

  test("is gone, and what needs none still fails", async () => {
    const folder = await alone.copy();
    edit(folder, "tokenizer_config.json", (json) => Object.assign(json, { model_max_length: 512 }));
    put("modeling_lsg_bert.py", "pass\n")(folder);
    const { checks } = await verdictOf(folder);
    expect(failing(checks)).toEqual(["modeling", "length"]);
  });

  test("is gone, and the promise is more than the config can keep", async () => {
    const folder = await alone.copy();
    set("lsg_conversion.json", "promise", { lossless_up_to: 96 })(folder);
    const { checks, verdict } = await verdictOf(folder);
    expect([verdict, failing(checks)]).toEqual(["fail", ["promise"]]);
    expect(textOf(checks, "promise")).toMatch(/96.*32/);
  });

  test("is gone, and a key by which the promise holds is another", async () => {
    const folder = await alone.copy();
    set("config.json", "block_size", 8)(folder);
    const { checks, verdict } = await verdictOf(folder);
    expect([verdict, failing(checks)]).toEqual(["fail", ["promise"]]);
  });

  test("beside the folder is a folder of this name, but no model", async () => {
    const folder = await alone.copy();
    mkdirSync(join(folder, "..", "original"));
    cpSync(join(alone.source, "vocab.txt"), join(folder, "..", "original", "vocab.txt"));
    const { original, verdict } = await verdictOf(folder);
    expect([original, verdict]).toEqual([null, "pass"]);
  });
});
