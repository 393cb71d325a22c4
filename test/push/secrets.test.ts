import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { SECRET_PATTERNS } from "../../src/push/secret-patterns.js";
import { type FoundSecret, SecretsError } from "../../src/push/secrets.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { writeTinyModel } from "../support/tiny-model.js";
import { branch, FILES, pushFiles, setUpPush, TOKEN, writeFolder } from "./support.js";

const hub = setUpPush();

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const letters = (count: number, from = 0) => LETTERS.repeat(4).slice(from, from + count);
const capitals = (count: number) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".slice(0, count);

/** Made up, of the form of each; put together here, so that no scanner takes this file's text for one. */
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  "a Hugging Face token": [
    `hf_${letters(34)}`,
    `api_org_${letters(34)}`,
    `hf_oauth_ey${letters(20)}.${letters(20)}`,
  ],
  "an API key (sk-…)": [
    `sk-${letters(48, 20)}`,
    `sk-proj-${letters(10)}-${letters(30)}_x`,
    `sk-ant-api03-${letters(40)}-AA`,
    `sk-abc_defghij-${letters(40, 20)}`,
    "sk-Xk3_9aBq-7Lm2pQz_R4tVw",
  ],
  "a GitHub token": [
    ...["p", "o", "u", "s", "r"].map((x) => `gh${x}_${letters(36)}`),
    `github_pat_${letters(22)}_${letters(59)}`,
  ],
  "a GitLab token": [`glpat-${letters(20)}`],
  "an AWS access key": [`AKIA${capitals(16)}`, `ASIA${capitals(16)}`],
  "an AWS secret key": [
    `AWS_SECRET_ACCESS_KEY=${letters(40)}`,
    `aws_secret_access_key = ${letters(39)}/`,
    `"SecretAccessKey": "${letters(40)}"`,
  ],
  "a private key": [
    ...["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "PGP "].map(
      (type) => `-----BEGIN ${type}PRIVATE KEY${type === "PGP " ? " BLOCK" : ""}-----`,
    ),
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    `PuTTY-User-Key-File-3: ssh-rsa Private-Lines: 14\r\n${letters(62)}`,
  ],
  "an address with a password": [
    "https://me:hunter2@example.com/x.git",
    "postgres://admin:p%40ss:w0rd@[::1]:5432/db",
    "redis://:hunter2@localhost",
    "https:\\/\\/me:hunter2@example.com",
    "https://me:%24ecretpw@example.com",
    "https://me:$ecretpw1@example.com",
    "https://u:{abc}def@example.com",
    "https://u:<abc>def@example.com",
    "postgres://u:abc<def@h/db",
    "https://u:*abc@h",
    "https%3A%2F%2Fme%3Ahunter2%40example.com",
  ],
  "a Slack token": [`xoxb-1234567890-${letters(20)}`, `xapp-1-${letters(20)}`],
  "a Google key": [`AIza${letters(35)}`, `GOCSPX-${letters(28)}`, `ya29.${letters(60)}`],
  "a Stripe key": [`sk_live_${letters(24)}`],
  "a package registry's token": [`npm_${letters(36)}`, `pypi-AgE${letters(60)}`],
  "an Azure key": [`AccountKey=${letters(86)}==`],
};

const FIRST = SECRETS["a Hugging Face token"]?.[0] ?? "";

/** Pushes a folder with these files beside a model's, and gives the error that stops it. */
async function refusal(
  files: Readonly<Record<string, string | Buffer>>,
  given: Readonly<Record<string, unknown>> = {},
): Promise<SecretsError> {
  const folder = await writeFolder({ ...FILES, ...files });
  const error = await pushFiles("me/new", given, { folder }).catch((reason: unknown) => reason);
  if (!(error instanceof SecretsError)) throw error;
  expect(error.exitCode).toBe(2);
  expect(hub.server.requests.every(({ method }) => method === "GET")).toBe(true);
  expect(hub.server.repos["me/new"]).toBeUndefined();
  return error;
}

const found = async (...args: Parameters<typeof refusal>): Promise<readonly FoundSecret[]> =>
  (await refusal(...args)).details.secrets;

describe("a secret stops a push", () => {
  it("of every kind that there is", () => {
    expect(Object.keys(SECRETS).sort()).toEqual(SECRET_PATTERNS.map(({ kind }) => kind).sort());
  });

  it.each(
    Object.entries(SECRETS).flatMap(([kind, secrets]) =>
      secrets.map((secret, i) => [kind, i, secret] as const),
    ),
  )("%s (%i)", async (kind, _, secret) => {
    const error = await refusal({
      "README.md": `---\nlicense: mit\n---\n\nexport X=${secret}\n`,
      "notes.txt": `${secret}`,
      "tokenizer.json": JSON.stringify({ model: { vocab: { [secret]: 1 } } }, null, 1),
    });
    expect(error.details.secrets).toEqual([
      { file: "README.md", line: 5, kind },
      { file: "notes.txt", line: 1, kind },
      { file: "tokenizer.json", line: 4, kind },
    ]);
    expect(error.message).toBe(
      `Nothing was pushed, for what must not be published: README.md line 5 (${kind}), notes.txt line 1 (${kind}), ` +
        `tokenizer.json line 4 (${kind}).`,
    );
    expect(JSON.stringify([error.message, error.remedy, error.details])).not.toContain(secret);
  });

  it.each([
    ...["\\n", "\\t", "\\r\\n", "\\\\n", "\\u003d", "\\x3d", "\\u00e9", "%3D", "%c3%bC"],
    ...["\u001b[31m", "\u001b[0;1;38;5;200m", "\u001b[K", "\\u001b[31m", "\\x1b[1m", "\\033[m"],
  ])("behind %j, which is no part of a word", async (before) => {
    const kinds = [
      "a Hugging Face token",
      "an API key (sk-…)",
      "a GitHub token",
      "an AWS access key",
      "a Stripe key",
    ];
    const lines = kinds.map((kind) => `{"a": "key${before}${SECRETS[kind]?.[0]}\u001b[0m"}`);
    const wide = Buffer.from(`\ufeff${lines.join("\n")}`, "utf16le");
    const expected = kinds.map((kind, i) => ({ line: i + 1, kind }));
    expect(await found({ "a.json": lines.join("\n"), "b.json": wide })).toEqual([
      ...expected.map((one) => ({ file: "a.json", ...one })),
      ...expected.map((one) => ({ file: "b.json", ...one })),
    ]);
  });

  it("with any of its characters escaped, in words as JSON, Python and addresses escape", async () => {
    const code = (letter: string) => letter.charCodeAt(0).toString(16);
    const escapes = [
      (letter: string) => `\\u00${code(letter)}`,
      (letter: string) => `\\x${code(letter)}`,
      (letter: string) => `%${code(letter).toUpperCase()}`,
    ];
    for (const [secret, kind] of [
      [FIRST, "a Hugging Face token"],
      [TOKEN, "the access token in use"],
    ] as const) {
      for (const escaped of escapes) {
        const one = [...secret].map(
          (letter, i) => secret.slice(0, i) + escaped(letter) + secret.slice(i + 1),
        );
        const lines = [...one, [...secret].map(escaped).join("")].map((text) => `"${text}"`);
        const files = { "a.txt": lines.join("\n"), "b.txt": Buffer.from(lines.join("\n"), "utf16le") };
        const secrets = await found(files);
        const of = (name: string) => secrets.filter(({ file }) => file === name);
        expect(of("a.txt")).toEqual(lines.map((_, i) => ({ file: "a.txt", line: i + 1, kind })));
        expect(of("b.txt").map((one) => one.kind)).toEqual(lines.map(() => kind));
      }
    }
  });

  it("in the name of a file or folder, which is not shown further than there", async () => {
    const files = {
      [`${FIRST}.txt`]: FIRST,
      [`logs/${FIRST}/a.txt`]: "",
      [`of-${TOKEN}-x/b.txt`]: "",
    };
    const error = await refusal(files);
    const kind = "a Hugging Face token";
    expect(error.details.secrets).toEqual([
      { file: "…", in_name: true, kind },
      { file: "…", line: 1, kind },
      { file: "logs/…", in_name: true, kind },
      { file: "of-…", in_name: true, kind: "the access token in use" },
    ]);
    expect(error.message).toContain(`logs/… (${kind} in the name)`);
    expect(error.remedy).toContain("passes with --allow and the path, where it is in a name.");
    const both = await refusal({ ...files, "notes.txt": FIRST });
    expect(both.remedy).toContain('with --allow "notes.txt", --allow and the path, where it is in a name.');
    for (const secret of [FIRST, TOKEN]) {
      expect(JSON.stringify([error.message, error.remedy, error.details])).not.toContain(secret);
    }
    const folder = await writeFolder({ ...FILES, ...files });
    const { result } = await pushFiles("me/new", { allow: Object.keys(files), dryRun: true }, { folder });
    expect(result.allowed).toEqual(error.details.secrets);
  });

  it.each([
    ["\n", "a\nb\n\n"],
    ["\r\n", "a\r\nb\r\n\r\n"],
    ["\r", "a\rb\r\r"],
    ["mixed", "a\r\nb\n\r"],
  ])("in the line that an editor shows, where lines end with %j", async (_, before) => {
    expect(await found({ "notes.txt": `${before}x ${FIRST}` })).toMatchObject([{ line: 4 }]);
  });

  it("in a text that is not UTF-8, or UTF-16 with or without its mark", async () => {
    const text = `eins\r\nzwei \u00fc ${FIRST}\r\n`;
    const wide = Buffer.from(`\ufeff${text}`, "utf16le");
    const kind = "a Hugging Face token";
    expect(
      await found({
        "latin.txt": Buffer.from(text, "latin1"),
        "utf16be.txt": Buffer.from(wide).swap16(),
        "utf16le.txt": wide,
        "without.txt": wide.subarray(2),
      }),
    ).toEqual([
      { file: "latin.txt", line: 2, kind },
      { file: "utf16be.txt", line: 2, kind },
      { file: "utf16le.txt", line: 2, kind },
      { file: "without.txt", byte: 2 * text.indexOf("hf_"), kind },
    ]);
  });

  it("wherever it lies in a long file, and in one of a single line", async () => {
    const piece = 1 << 20;
    for (const place of [piece - 600, piece - 20, piece - 1, piece, 3 * piece - 10]) {
      const before = "word ".repeat(place).slice(0, place);
      const secrets = await found({ "corpus.txt": `${before} ${FIRST} ${"word ".repeat(100_000)}` });
      expect(secrets).toEqual([{ file: "corpus.txt", line: 1, kind: "a Hugging Face token" }]);
    }
  });

  it("in files that are no text: a weight file's header, a pickle, wide characters among numbers", async () => {
    const json = Buffer.from(JSON.stringify({ __metadata__: { note: FIRST } }));
    const header = Buffer.concat([Buffer.alloc(8), json]);
    header.writeBigUInt64LE(BigInt(json.length));
    const at = 100_000;
    const pickle = Buffer.alloc(300_000, 0x80);
    pickle.write(TOKEN, at, "latin1");
    const wide = Buffer.alloc(5000, 7);
    Buffer.from([...TOKEN].flatMap((letter) => [letter.charCodeAt(0), 0, 0, 0])).copy(wide, 1000);
    expect(await found({ "head.pkl": pickle, "labels.npz": wide, "model.safetensors": header })).toEqual([
      { file: "head.pkl", line: 1, kind: "the access token in use" },
      { file: "labels.npz", byte: 1000, kind: "the access token in use" },
      { file: "model.safetensors", byte: header.indexOf(FIRST), kind: "a Hugging Face token" },
    ]);
  });

  it("which is a token in use, whatever it looks like and wherever it is kept", async () => {
    const home = await temporaryFolder();
    await writeFile(join(home, "token"), "in-the-file\n");
    await writeFile(join(home, "stored_tokens"), "[work]\nhf_token = of-another-account\n");
    vi.stubEnv("HF_HOME", home);
    vi.stubEnv("HUGGING_FACE_HUB_TOKEN", "in-the-other-variable");
    const tokens = [TOKEN, "in-the-file", "of-another-account", "in-the-other-variable"];
    const files = Object.fromEntries(tokens.map((token, i) => [`${i}.txt`, `\n"${token}"`]));
    expect(await found({ ...files, "lsg_notes.json": `{"a": "x${TOKEN}x"}` })).toEqual([
      ...tokens.map((_, i) => ({ file: `${i}.txt`, line: 2, kind: "the access token in use" })),
      { file: "lsg_notes.json", line: 1, kind: "the access token in use" },
    ]);
  });

  it("and one that is put into a file after the search is not sent", async () => {
    const folder = await writeFolder({ ...FILES, "notes.txt": "nothing" });
    const lines: string[] = [];
    lines.push = (line) => {
      if (line.includes("will be a new repository")) writeFileSync(join(folder, "notes.txt"), FIRST);
      return 0;
    };
    await expect(pushFiles("me/new", {}, { folder, lines })).rejects.toMatchObject({
      exitCode: 1,
      message: "nothing was pushed: notes.txt was changed while the push was prepared",
    });
    expect(Object.keys(branch(hub, "me/new"))).toEqual([".gitattributes"]); // as the Hub makes a repository
  });

  it("in a dry run too", async () => {
    expect(await found({ "notes.txt": FIRST }, { dryRun: true })).toHaveLength(1);
  });

  it("and many of them are counted, not listed", async () => {
    const error = await refusal({ "notes.txt": `${FIRST}\n`.repeat(1000) });
    expect(error.details.secrets).toHaveLength(100);
    expect(error.message).toMatch(/notes.txt line 8 \(a Hugging Face token\) and 92 more\.$/);
  });
});

describe("--allow", () => {
  const NOTES = { "notes.txt": `\n${FIRST}\n`, "sub/other.txt": FIRST };

  it("lets the files pass that it names, and no others", async () => {
    expect((await found(NOTES, { allow: ["notes.txt"] })).map(({ file }) => file)).toEqual(["sub/other.txt"]);
    const folder = await writeFolder({ ...FILES, ...NOTES });
    const names = ["./notes.txt", join(folder, "sub", "other.txt"), "config.json", "none.txt"];
    const { result, lines } = await pushFiles("me/new", { allow: names }, { folder });
    expect(result).toMatchObject({
      pushed: true,
      allowed: [
        { file: "notes.txt", line: 2, kind: "a Hugging Face token" },
        { file: "sub/other.txt", line: 1, kind: "a Hugging Face token" },
      ],
    });
    expect(lines).toEqual(
      expect.arrayContaining([
        "Let pass by --allow: notes.txt line 2 (a Hugging Face token)",
        "--allow config.json: no secret is in it",
        "--allow none.txt: no such file is pushed",
      ]),
    );
    expect(String(branch(hub, "me/new")["notes.txt"])).toBe(NOTES["notes.txt"]);
  });

  it("is what the remedy says, and works as it stands there", async () => {
    const folder = await writeFolder({ ...FILES, ...NOTES });
    const push = (...more: string[]) => lsg(["push", folder, "me/new", "--no-verify", "--json", ...more]);
    const stopped = await push();
    expect(stopped.code).toBe(2);
    const { error } = JSON.parse(stopped.stdout);
    expect(error.secrets).toEqual([
      { file: "notes.txt", line: 2, kind: "a Hugging Face token" },
      { file: "sub/other.txt", line: 1, kind: "a Hugging Face token" },
    ]);
    expect(stopped.stdout + stopped.stderr).not.toContain(FIRST);
    const [, flags = ""] = /passes with (.*)\.$/.exec(error.remedy) ?? [];
    expect(flags).toBe('--allow "notes.txt" --allow "sub/other.txt"');
    const passed = await push(...flags.replaceAll('"', "").split(" "));
    expect([passed.code, JSON.parse(passed.stdout).pushed]).toEqual([0, true]);
  });
});

describe("a conversion that is pushed", () => {
  it("is kept and says what stops the push; --allow lets it pass", async () => {
    const folder = await writeTinyModel({ files: { "notes.txt": FIRST } });
    const convert = (...more: string[]) =>
      lsg(
        [
          "convert",
          folder,
          "out",
          "--max-sequence-length",
          "16",
          "--no-verify",
          "--push-to",
          "me/new",
          ...more,
        ],
        {
          cwd: dirname(folder),
        },
      );
    const { code, stderr } = await convert();
    expect(code).toBe(2);
    expect(stderr).toMatch(/Nothing was pushed, for .*: notes.txt line 1 \(a Hugging Face token\)\./);
    expect(stderr).toMatch(/out is converted all the same; lsg push out me\/new tries again/);
    expect(hub.server.repos["me/new"]).toBeUndefined();
    expect((await convert("--force", "--allow", "notes.txt")).code).toBe(0);
    expect(String(branch(hub, "me/new")["notes.txt"])).toBe(FIRST);
  });
});

describe("what is no secret passes", () => {
  it("prefixes alone, templates, words and sequences", async () => {
    const text = [
      "hf_ hf_hub_download hf_transfer sk- sk-learn sk-learn-compatible-transformers ghp_ glpat- xoxb- AKIA AIza",
      "hf_model = AutoModel.from_pretrained(path); task-abcdefghijklmnopqrstuvwxyz; ▁sk ##hf_",
      `MKAKIA${capitals(26)}LLVVAKIA${capitals(20)}`,
      "https://example.com:8080/@me https://me@example.com git@github.com:org/x.git http://a:80/x?y=z@w",
      "https://$USER:$TOKEN@example.com https://{user}:{token}@example.com https://<user>:<token>@example.com",
      `https://u:\${TOKEN}@h https://u:{{token}}@h https://u:%s@h https://u:%(token)s@h https://u:%TOKEN%@h https://u:***@h`,
      "https://u:[token]@h https://u:%7Btoken%7D@h https://u:\\u003ctoken\\u003e@h https://u:%3Ctoken%3E@h",
      "sk-toggleable__label-arrow sk-estimator-id-12 sk-SK-common_voice_11_0 sk-1f8a9e9f-6b3c-4a8c-9d2e-0a1b2c3d4e5f",
      "sk-SK-Mistral-7B-Instruct-v2-GGUF-Q4_K ---- BEGIN SSH2 PUBLIC KEY ---- Private-Lines: 14 lines of it",
      "-----BEGIN CERTIFICATE----- -----BEGIN PUBLIC KEY----- PRIVATE KEY",
      `${letters(10)}hf_${letters(34)}`,
    ].join("\n");
    const { result } = await pushFiles(
      "me/new",
      {},
      { folder: await writeFolder({ ...FILES, "notes.txt": text }) },
    );
    expect(result).toMatchObject({ pushed: true, allowed: [] });
  });

  it("every tokenizer, config, card and weight file of the fixtures", async () => {
    const folder = await temporaryFolder();
    const files = readdirSync(FIXTURES, { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && /\.(json|txt|model|md|safetensors|py)$/.test(entry.name),
    );
    expect(files.length).toBeGreaterThan(100);
    for (const [i, { parentPath, name }] of files.entries()) {
      await mkdir(join(folder, `${i}`));
      await writeFile(join(folder, `${i}`, name), readFileSync(join(parentPath, name)));
    }
    const { result } = await pushFiles("me/new", { dryRun: true }, { folder });
    expect(result.allowed).toEqual([]);
  });
});

describe("what is no part of a model stays where it is", () => {
  const LEFT: Readonly<Record<string, string>> = {
    ".env": FIRST,
    ".git/config": "[core]",
    ".gitmodules": "",
    "checkpoint-500/optimizer.pt": "state",
    "sub/.git": "gitdir: ../../x",
    "train.csv": "a,b",
    "training_args.bin": TOKEN,
  };

  it("of a folder that is pushed, and is said", async () => {
    const folder = await writeFolder({ ...FILES, ...LEFT, ".gitattributes": "*.bin filter=lfs" });
    const { result, lines } = await pushFiles("me/new", {}, { folder });
    expect(Object.keys(branch(hub, "me/new")).sort()).toEqual(
      [...Object.keys(FILES), ".gitattributes"].sort(),
    );
    const { ".git/config": _history, ...left } = LEFT;
    expect(result.files.left_out).toEqual(Object.keys(left).sort());
    expect(lines).toContain(
      "Left out, as no part of the model: hidden files and caches (.env, .gitmodules, sub/); " +
        "state of a training (checkpoint-500/, training_args.bin); tables of data (train.csv).",
    );
  });

  it("and is not stale where the repository has it", async () => {
    const folder = await writeFolder({ ...FILES });
    await pushFiles(
      "me/new",
      {},
      { folder: await writeFolder({ ...FILES, "handler.py": 'open("train.csv")', "train.csv": "a" }) },
    );
    await writeFile(join(folder, "train.csv"), "a");
    const { result } = await pushFiles("me/new", { deleteStale: true }, { folder });
    expect(result.files).toMatchObject({
      stale: ["handler.py"],
      deleted: ["handler.py"],
      left_out: ["train.csv"],
    });
    expect(Object.keys(branch(hub, "me/new"))).toContain("train.csv");
  });

  it("and a link that leads out of it stops the push", async () => {
    const folder = await writeFolder();
    await symlink("/proc/self/environ", join(folder, "notes.txt"));
    await expect(pushFiles("me/new", {}, { folder })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(/^notes.txt is a link to \/proc\/self\/environ, outside of the folder/),
    });
    expect(hub.server.requests.every(({ method }) => method === "GET")).toBe(true);
  });
});
