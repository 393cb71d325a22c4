import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { silent } from "../../src/base/progress.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { verify } from "../../src/commands/verify.js";
import { parseConvertOptions, parseExportOptions, parseVerifyOptions } from "../../src/options/options.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { variants } from "../support/variants.js";
import { convertedSmallBert } from "../verify/support.js";

type Change = (path: string) => void;

/** Other content of the same length, at a place that leaves every format whole. */
function other(path: string): Buffer {
  const bytes = Buffer.from(readFileSync(path));
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
  return bytes;
}

const keepingDates =
  (change: Change): Change =>
  (path) => {
    const { atime, mtime } = statSync(path);
    change(path);
    utimesSync(path, atime, mtime);
  };

const replaced: Change = (path) => {
  writeFileSync(`${path}.new`, other(path));
  renameSync(`${path}.new`, path);
};
const rewritten: Change = (path) => writeFileSync(path, other(path));

/** Two tensors of one shape change their names: every size stays, and so does the data. */
const swappedNames: Change = (path) => {
  const bytes = readFileSync(path);
  const header = bytes.toString("latin1", 0, 8 + Number(bytes.readBigUInt64LE(0)));
  const swapped = header
    .replace("self.query.weight", "self.QUERY.weight")
    .replace("self.value.weight", "self.query.weight")
    .replace("self.QUERY.weight", "self.value.weight");
  expect(swapped).not.toBe(header);
  bytes.write(swapped, 0, "latin1");
  writeFileSync(path, bytes);
};

const CHANGES: Readonly<Record<string, readonly [change: Change, says: RegExp]>> = {
  "replaced by another": [replaced, /it was written to|another file has taken its place/],
  "replaced by another of its date": [
    keepingDates(replaced),
    /another file has taken its place|its content is another|written to/,
  ],
  truncated: [(path) => truncateSync(path, statSync(path).size - 4), /it had \d+ bytes and has \d+/],
  "made longer": [(path) => appendFileSync(path, "    "), /it had \d+ bytes and has \d+/],
  "written to": [rewritten, /it was written to/],
  "written to and its date set back": [
    keepingDates(rewritten),
    /its date set back|its content is another|written to/,
  ],
  removed: [(path) => rmSync(path), /it is gone/],
};

const WEIGHTS = "model.safetensors";
const HEADER: Readonly<Record<string, readonly [change: Change, says: RegExp]>> = {
  "with two names swapped, its date set back": [
    keepingDates(swappedNames),
    /its date set back|its content is another|its bytes \d+ to \d+ are others|written to/,
  ],
};

const small = convertedSmallBert();

async function copyOf(folder: string): Promise<string> {
  const copy = join(await temporaryFolder(), "model");
  cpSync(folder, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** A signal that does something when it is asked the first time behind a point. */
function atOnce(action: () => void): AbortSignal {
  const { signal } = new AbortController();
  let done = false;
  signal.throwIfAborted = () => {
    if (!done) action();
    done = true;
  };
  return signal;
}

const error = (file: string, says: RegExp) => ({
  exitCode: 2,
  message: expect.stringMatching(
    new RegExp(`^${file.replaceAll(".", "\\.")} has changed while it was read: .*(${says.source})`),
  ),
  remedy: "Leave the model alone while it is read, and run again.",
});

const READ = [WEIGHTS, "config.json", "vocab.txt", "tokenizer.json"];
const cases = [
  ...READ.flatMap((file) =>
    (file === WEIGHTS ? Object.entries(CHANGES) : variants(Object.entries(CHANGES))).map(
      ([name, change]) => [file, name, ...change] as const,
    ),
  ),
  ...Object.entries(HEADER).map(([name, change]) => [WEIGHTS, name, ...change] as const),
];

describe("a source that changes while it is converted", () => {
  test.each(cases)("%s %s: nothing is written", async (file, _, change, says) => {
    const source = await copyOf(small.source);
    const parent = await temporaryFolder();
    const progress = {
      ...silent,
      bytes: () => {
        change(join(source, file));
        return { advance() {}, done() {} };
      },
    };
    const options = parseConvertOptions({ maxSequenceLength: 96 });
    await expect(convert(source, join(parent, "out"), options, { progress })).rejects.toMatchObject(
      error(file, says),
    );
    expect(readdirSync(parent)).toEqual([]);
  });

  test("an output that was there stays as it was", async () => {
    const source = await copyOf(small.source);
    const output = await copyOf(small.folder);
    const before = readFileSync(join(output, WEIGHTS));
    const progress = {
      ...silent,
      bytes: () => {
        rewritten(join(source, WEIGHTS));
        return { advance() {}, done() {} };
      },
    };
    const options = parseConvertOptions({ maxSequenceLength: 96, blockSize: 8, force: true });
    await expect(convert(source, output, options, { progress })).rejects.toThrow(/has changed/);
    expect(readFileSync(join(output, WEIGHTS))).toEqual(before);
  });

  test("the index of shards, and one of them", async () => {
    for (const file of ["model.safetensors.index.json", "model-00002-of-00002.safetensors"]) {
      const source = await copyOf(join(FIXTURES, "bert", "checkpoint"));
      const progress = {
        ...silent,
        bytes: () => {
          keepingDates(rewritten)(join(source, file));
          return { advance() {}, done() {} };
        },
      };
      const options = parseConvertOptions({ maxSequenceLength: 528 });
      const run = convert(source, join(await temporaryFolder(), "out"), options, { progress });
      await expect(run).rejects.toMatchObject(error(file, /written to|content is another/));
    }
  });

  test.each([
    ["written to and its date set back", keepingDates(rewritten)],
    ["with two names swapped, its date set back", keepingDates(swappedNames)],
  ])("its weights %s while the result is verified", async (_, change) => {
    const source = await copyOf(small.source);
    const parent = await temporaryFolder();
    const options = parseConvertOptions({ maxSequenceLength: 96, runTest: true, device: "cpu" });
    const onCheck = ({ id }: { id: string }) => id === "weights" && change(join(source, WEIGHTS));
    const run = convert(source, join(parent, "out"), options, { listener: { onCheck } });
    await expect(run).rejects.toMatchObject(error(WEIGHTS, /its content is another|written to/));
    expect(readdirSync(parent)).toEqual([]);
  });

  test("what others do with it is no change: links, permissions, reading, files beside it", async () => {
    const source = await copyOf(small.source);
    const parent = await temporaryFolder();
    const weights = join(source, WEIGHTS);
    const progress = {
      ...silent,
      bytes: () => {
        linkSync(weights, join(parent, "link"));
        chmodSync(weights, 0o444);
        chmodSync(join(source, "vocab.txt"), 0o400);
        readFileSync(join(source, "config.json"));
        writeFileSync(join(source, "training.log"), "step 1");
        return { advance() {}, done() {} };
      },
    };
    await convert(source, join(parent, "out"), parseConvertOptions({ maxSequenceLength: 96 }), { progress });
    expect(readdirSync(parent).sort()).toEqual(["link", "out"]);
  });
});

describe("a folder that changes while it is verified", () => {
  /** The change comes behind a check; what comes then takes long and has another end. */
  async function run(which: "source" | "folder", file: string, change: Change) {
    const [source, folder] = [await copyOf(small.source), await copyOf(small.folder)];
    const onCheck = ({ id }: { id: string }) => {
      if (id !== "added-tokens" && id !== "length") return;
      change(join({ source, folder }[which], file));
      throw new Error("enough");
    };
    const options = parseVerifyOptions({ device: "cpu", lengths: [5], against: source });
    return verify(folder, options, { onCheck });
  }

  test.each(cases)("the original's %s %s", async (file, _, change, says) => {
    await expect(run("source", file, change)).rejects.toMatchObject(error(file, says));
  });

  test.each(cases.filter(([file]) => file !== "vocab.txt"))(
    "its own %s %s",
    async (file, _, change, says) => {
      await expect(run("folder", file, change)).rejects.toMatchObject(error(file, says));
    },
  );

  test("a folder that nobody changes is verified, beside another verification of the same original", async () => {
    const options = parseVerifyOptions({ device: "cpu", lengths: [5], against: small.source });
    const reports = await Promise.all([verify(small.folder, options), verify(small.folder, options)]);
    expect(reports.map(({ verdict }) => verdict)).toEqual(["sound", "sound"]);
  });
});

describe("a model that changes while its graph is exported", () => {
  test.each(cases.filter(([file, name]) => file === WEIGHTS && name !== "removed"))(
    "%s %s: nothing is written",
    async (file, _, change, says) => {
      for (const output of [undefined, join(await temporaryFolder(), "out")]) {
        const source = await copyOf(small.folder);
        const before = readdirSync(source);
        const signal = atOnce(() => change(join(source, file)));
        const run = exportOnnx(source, output, parseExportOptions({}), { signal });
        // What is opened again notices by itself that it is another file.
        const said = `has changed while it was read: .*(${says.source})|was replaced by another file`;
        await expect(run).rejects.toMatchObject({
          exitCode: 2,
          message: expect.stringMatching(new RegExp(`^${file} (${said})`)),
          remedy: expect.stringMatching(/run again/),
        });
        expect(readdirSync(source)).toEqual(before.filter((name) => existsSync(join(source, name))));
        expect(output !== undefined && existsSync(output)).toBe(false);
      }
    },
  );
});
