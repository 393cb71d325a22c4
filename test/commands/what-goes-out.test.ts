import { cp, link, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OmittedFile } from "../../src/checkpoint/left-out.js";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { lsg } from "../support/cli.js";
import { temporaryFolder } from "../support/fixtures.js";
import { startHubServer } from "../support/hub-server.js";
import { writeTinyModel } from "../support/tiny-model.js";

const SECRET = "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";

const UNSEEN = "\u200c";

/** One listing of what people and attackers put beside a model: what stays. */
const KEPT: Readonly<Record<string, string>> = {
  ".gitattributes": "*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
  "2_Dense/config.json": "{}",
  LICENSE: "MIT",
  "added/.gitattributes": "",
  "cafe\u0301.txt": "",
  "classifier.pt": "a head",
  "config_files.yaml": "labels: topics.csv\n",
  "crf.safetensors": "a head",
  "evaluation.txt": "0.9",
  "handler.py": 'TABLE = "data/labels.tsv"\n',
  "events.py": "class Events: pass\n",
  "heads/ner_head.bin": "a head",
  "labels.json": '["a", "b"]',
  "labels.tsv": "a\tb\n",
  "model_head.pkl": "a head of SetFit's",
  "modeling_custom.py": "class Custom: pass\n",
  "run_glue.py": "print('training')\n",
  "scheduler_notes.md": "",
  "topics.csv": "a,b\n",
  "train.log": "loss 0.1\n",
};

/** And what stays behind, by kind. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  "hidden files and caches": [
    ".env",
    ".git/config",
    ".git/hooks/post-checkout",
    ".gitignore",
    ".gitmodules",
    ".GIT/config",
    ".git /config",
    ".git./config",
    ".git::$INDEX_ALLOCATION/config",
    `.g${UNSEEN}it/config`,
    `${UNSEEN}.git/config`,
    "2_Dense/.git/config",
    "GIT~1/config",
    "__pycache__/handler.cpython-311.pyc",
    "added/.hidden/deep/file.json",
    "sub/.git",
  ],
  "names that not every system takes": [
    "Config.json",
    "aux.json",
    "con",
    "data:stream",
    "readme.md",
    "sub/COM1.txt",
    "sub/ends with a dot.",
    "sub/nul/file.txt",
    "caf\u00e9.txt",
  ],
  "state of a training": [
    "2_Dense/optimizer.pt",
    "checkpoint-500/config.json",
    "checkpoint-500/model.safetensors",
    "events.out.tfevents.1",
    "global_step10/mp_rank_00_model_states.pt",
    "latest",
    "optimizer_0/__0_0.distcp",
    "rng_state_0.pth",
    "runs/a/events.out.tfevents.1",
    "trainer_state.json",
    "training_args.bin",
    "zero_to_fp32.py",
  ],
  "exports and weights of other libraries": [
    "coreml/model.mlpackage/Manifest.json",
    "flax_model.msgpack",
    "model.gguf",
    "model.onnx.data",
    "onnx/model.onnx",
    "openvino/openvino_model.xml",
    "rust_model.ot",
    "tf_model.h5",
  ],
  "tables of data": ["2_Dense_dev.csv", "bels.tsv", "dev.parquet", "s.csv", "train.jsonl.gz"],
};

async function put(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** A model with all of that beside it. */
async function wholeListing(): Promise<string> {
  const folder = await writeTinyModel({ files: { "README.md": "# A model\n\nTrained on dev.parquet." } });
  await put(folder, KEPT);
  for (const paths of Object.values(LEFT_OUT)) {
    await put(folder, Object.fromEntries(paths.map((path) => [path, SECRET])));
  }
  return folder;
}

/** Every file of a folder, by path. */
async function contentsOf(folder: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory()).map((e) => join(e.parentPath, e.name));
  const contents = files.map(async (file) => [file.slice(folder.length + 1), await readFile(file)] as const);
  return Object.fromEntries(await Promise.all(contents));
}

const COMMIT = "a".repeat(40);

/** One model, wherever it is. */
const PLACES: Readonly<Record<string, (folder: string) => Promise<string>>> = {
  "a folder": async (folder) => folder,
  "the Hub": async (folder) => serve(folder),
  "a mirror of it": async (folder) => serve(folder),
  "a cache of the Hub's, without it": async (folder) => {
    const repo = join(dirname(folder), "hub", "models--me--model");
    await cp(folder, join(repo, "snapshots", COMMIT), { recursive: true });
    await put(repo, { "refs/main": COMMIT });
    vi.stubEnv("HF_HUB_CACHE", dirname(repo));
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    return "me/model";
  },
};

/** What a server was asked for, where there is one. */
let asked: () => string[];
let close: (() => Promise<void>) | undefined;
beforeEach(() => {
  asked = () => [];
  close = undefined;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await close?.();
});

/** Puts a folder on a server that HF_ENDPOINT leads to. */
async function serve(folder: string): Promise<string> {
  const files = await contentsOf(folder);
  const server = await startHubServer({
    "me/model": { commits: { [COMMIT]: files }, refs: { main: COMMIT } },
  });
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  vi.stubEnv("HF_HUB_CACHE", join(dirname(folder), "hub"));
  close = server.close;
  asked = () => server.requests.map(({ url }) => decodeURIComponent(url));
  return "me/model";
}

function byKind(omitted: readonly OmittedFile[]): Record<string, string[]> {
  const kinds: Record<string, string[]> = {};
  for (const { path, reason } of omitted) kinds[reason] = [...(kinds[reason] ?? []), path];
  return kinds;
}

const sorted = (paths: Iterable<string>) => [...paths].sort();

describe("one table says what stays behind, from", () => {
  test.each(Object.entries(PLACES))("%s", async (_, place) => {
    const folder = await wholeListing();
    const model = await place(folder);
    const out = join(dirname(folder), "out");
    const { plan } = await convert(model, out, parseConvertOptions({ maxSequenceLength: 16 }));
    // A folder's own history is not even looked into.
    const isSeen = (path: string) => asked().length > 0 || !/(^|\/)\.git\//.test(path);
    const expected = Object.entries(LEFT_OUT).map(([kind, paths]) => [kind, sorted(paths).filter(isSeen)]);
    expect(byKind(plan.omitted)).toEqual(Object.fromEntries(expected));
    const { "vocab.txt": _vocabulary, ...result } = await contentsOf(out);
    const written = [
      "README.md",
      "config.json",
      "lsg_conversion.json",
      "model.safetensors",
      "modeling_lsg_bert.py",
    ];
    expect(sorted(Object.keys(result))).toEqual(sorted([...Object.keys(KEPT), ...written]));
    for (const [path, content] of Object.entries(KEPT)) expect(result[path]?.toString(), path).toBe(content);
    for (const [path, content] of Object.entries(result)) expect(content.includes(SECRET), path).toBe(false);
    // Looked into for the names of tables.
    const fetched = Object.values(LEFT_OUT)
      .flat()
      .filter((path) => path !== "Config.json" && asked().some((url) => url.endsWith(`${COMMIT}/${path}`)));
    expect(fetched).toEqual([]);

    const exported = join(dirname(folder), "exported");
    if (model === folder) {
      await exportOnnx(model, exported, parseExportOptions({}));
      expect(sorted(Object.keys(await contentsOf(exported)))).toEqual(
        sorted([...Object.keys(KEPT), "README.md", "config.json", "onnx/model.onnx", "vocab.txt"]),
      );
    }
  });

  test("but a Hub that lists a file which leads out of its folder is not used", async () => {
    for (const path of ["../x", "/etc/x", "a\\b", "c:/x", "a/../../x", "a//x", "a\0b", "a\nb", "."]) {
      const server = await startHubServer({
        "me/model": { commits: { [COMMIT]: { "config.json": "{}", [path]: "x" } }, refs: { main: COMMIT } },
      });
      vi.stubEnv("HF_ENDPOINT", server.endpoint);
      const run = convert("me/model", join(await temporaryFolder(), "out"), parseConvertOptions({}));
      await expect(run, path).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(/lists the file .* outside the model's folder/),
      });
      await server.close();
    }
  });

  test("and it is said in one line, by kind", async () => {
    const folder = await wholeListing();
    const { stderr } = await lsg(["convert", folder, "out", "--max-sequence-length", "16"], {
      cwd: dirname(folder),
    });
    const line = stderr.split("\n").filter((text) => text.includes("Left out, as no part of the model"));
    expect(line.length).toBe(1);
    for (const kind of Object.keys(LEFT_OUT)) expect(line[0]).toContain(`${kind} (`);
  });
});

describe("links that lead out of a model's folder", () => {
  const ATTACKS: readonly (readonly [what: string, path: string, target: (root: string) => string])[] = [
    ["a card that is a process's environment", "README.md", () => "/proc/self/environ"],
    ["notes that are the token's file", "notes.txt", (root) => join(root, "home", "token")],
    ["notes that are the token's file, by a relative path", "notes.txt", () => "../home/token"],
    ["a folder", "vocab", () => "../home"],
    ["the configuration", "config.json", () => "../home/token"],
    ["the tokenizer", "vocab.txt", () => "../home/token"],
    ["the weights", "model.safetensors", () => "../home/weights"],
    ["what is hidden in the folder", "notes.txt", () => ".env"],
  ];

  async function attacked(path: string, target: (root: string) => string) {
    const folder = await writeTinyModel({ files: { ".env": SECRET } });
    const root = dirname(folder);
    await put(root, { "home/token": SECRET });
    await cp(join(folder, "model.safetensors"), join(root, "home/weights"));
    await rm(join(folder, path), { force: true });
    await symlink(target(root), join(folder, path));
    return { folder, root };
  }

  test.each(ATTACKS)(
    "are refused by convert and export before anything is written: %s",
    async (_, path, target) => {
      const { folder, root } = await attacked(path, target);
      vi.stubEnv("HF_TOKEN", SECRET);
      const verbs = [
        () => convert(folder, join(root, "out"), parseConvertOptions({ maxSequenceLength: 16 })),
        () =>
          convert(folder, join(root, "out"), parseConvertOptions({ maxSequenceLength: 16, dryRun: true })),
        () => exportOnnx(folder, join(root, "out"), parseExportOptions({})),
      ];
      for (const run of verbs) {
        const error = await run().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toMatchObject({
          exitCode: 2,
          message: expect.stringMatching(new RegExp(`${path}/? is a link to `)),
          remedy: expect.stringMatching(/Put a copy or a hard link/),
        });
        expect(JSON.stringify(error)).not.toContain(SECRET);
        expect(sorted(await readdir(root))).toEqual(["home", "tiny"]);
      }
    },
  );

  test("as weights convert once a hard link is in their place, as the remedy says", async () => {
    const { folder, root } = await attacked("model.safetensors", () => "../home/weights");
    await rm(join(folder, "model.safetensors"));
    await link(join(root, "home/weights"), join(folder, "model.safetensors"));
    await convert(folder, join(root, "out"), parseConvertOptions({ maxSequenceLength: 16 }));
    expect(await readdir(join(root, "out"))).toContain("model.safetensors");
  });

  test("do not stop a snapshot of a Hub cache, named by its path", async () => {
    const folder = await writeTinyModel();
    const repo = join(dirname(folder), "elsewhere", "models--me--tiny");
    const snapshot = join(repo, "snapshots", COMMIT);
    await mkdir(join(repo, "blobs"), { recursive: true });
    await mkdir(snapshot, { recursive: true });
    for (const [i, name] of (await readdir(folder)).entries()) {
      await rename(join(folder, name), join(repo, "blobs", `${i}`));
      await symlink(`../../blobs/${i}`, join(snapshot, name));
    }
    const out = join(dirname(folder), "out");
    await convert(snapshot, out, parseConvertOptions({ maxSequenceLength: 16 }));
    expect((await contentsOf(out))["vocab.txt"]).toEqual(await readFile(join(snapshot, "vocab.txt")));
  });

  test("are a finding of lsg verify, not read", async () => {
    const folder = await writeTinyModel();
    const root = dirname(folder);
    const out = join(root, "out");
    await convert(folder, out, parseConvertOptions({ maxSequenceLength: 16 }));
    await put(root, { "home/token": SECRET });
    await rm(join(out, "vocab.txt"));
    await symlink("../home/token", join(out, "vocab.txt"));
    const args = ["verify", "out", "--against", "tiny", "--device", "cpu", "--json"];
    const { code, stdout, stderr } = await lsg(args, { cwd: root });
    expect(code).toBe(1);
    expect(stdout).toContain("vocab.txt is a link to ../home/token, outside of the folder");
    expect(stdout + stderr).not.toContain(SECRET);
  });
});
