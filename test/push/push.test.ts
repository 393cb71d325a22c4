import { describe, expect, it, vi } from "vitest";
import { sha256 } from "../support/hub-repo.js";
import { PATIENCE } from "../support/patience.js";
import { branch, FILES, pushFiles, setUpPush, TOKEN, uploads, writeFolder } from "./support.js";

const OLD = "a".repeat(40);

const hub = setUpPush({
  "me/old": {
    commits: {
      [OLD]: {
        ".gitattributes": "",
        LICENSE: "Apache",
        "config.json": "{}",
        "onnx/model.onnx": FILES["onnx/model.onnx"] ?? "",
        "pytorch_model.bin": "weights of 2019",
        "tokenizer.json": FILES["tokenizer.json"] ?? "",
      },
    },
    refs: { main: OLD },
  },
});

const WEIGHTS = "model.safetensors";
const hashOf = (files: Readonly<Record<string, Buffer | string>>, path: string) => sha256(files[path] ?? "");
const asText = (content: Buffer | string | undefined) => content?.toString() ?? "";
const urls = (pattern: RegExp) => hub.server.requests.filter(({ url }) => pattern.test(url));

describe("a push", () => {
  it("makes a repository and brings every file, large ones through LFS, sub-folders too", async () => {
    const { result, lines } = await pushFiles("me/new");
    expect(result).toMatchObject({
      repo: "me/new",
      url: `${hub.server.endpoint}/me/new`,
      pushed: true,
      created: true,
      pull_request: null,
      commit: hub.server.repos["me/new"]?.refs.main,
      files: { added: Object.keys(FILES).sort(), replaced: [], unchanged: [], stale: [] },
    });
    expect(lines[0]).toBe("me/new will be a new repository of 7 files.");
    const { "README.md": _, ...others } = branch(hub, "me/new");
    for (const [path, content] of Object.entries(FILES)) {
      if (path !== "README.md") expect(hashOf(others, path), path).toBe(sha256(content));
    }
    const large = ["model.safetensors", "onnx/model.onnx", "onnx/model.onnx_data"];
    expect([...hub.server.blobs.keys()].sort()).toEqual(
      large.map((path) => sha256(FILES[path] ?? "")).sort(),
    );
    expect(
      uploads(hub)
        .map(({ headers }) => headers["content-length"])
        .sort(),
    ).toEqual(large.map((path) => String(FILES[path]?.length)).sort());
    expect(hub.server.repos["me/new"]?.private).toBe(false);
  });

  it("sends files in parts where the storage asks for them", async () => {
    hub.server.faults.partSize = 65_536;
    await pushFiles("me/new");
    expect(uploads(hub).length).toBe(5 + 1 + 2);
    expect(hashOf(branch(hub, "me/new"), WEIGHTS)).toBe(hashOf(FILES, WEIGHTS));
  });

  it("makes a private repository, and refuses one that is public", async () => {
    await pushFiles("me/new", { private: true });
    expect(hub.server.repos["me/new"]?.private).toBe(true);
    await expect(pushFiles("me/new", { private: true })).resolves.toMatchObject({
      result: { pushed: false },
    });
    hub.server.requests.length = 0;
    await expect(pushFiles("me/old", { private: true })).rejects.toMatchObject({
      message: expect.stringMatching(/"me\/old" exists and is public/),
      remedy: expect.stringMatching(/me\/old\/settings.*leave --private out/),
    });
    expect(hub.server.requests.every(({ method }) => method === "GET")).toBe(true);
  });

  it("says what is replaced and what is stale, and leaves what is the same", async () => {
    const { result, lines } = await pushFiles("me/old");
    expect(result.files).toMatchObject({
      added: ["1_Pooling/config.json", "README.md", "model.safetensors", "onnx/model.onnx_data"],
      replaced: ["config.json"],
      unchanged: ["onnx/model.onnx", "tokenizer.json"],
      stale: ["pytorch_model.bin"],
      deleted: [],
    });
    expect(lines.join("\n")).toMatch(/4 files are new, 1 replaced, 2 the same[\s\S]*Replaced: config.json/);
    expect(lines.join("\n")).toMatch(/Stale: pytorch_model\.bin\..*--delete-stale/);
    expect(Object.keys(branch(hub, "me/old"))).toContain("pytorch_model.bin");
    expect(uploads(hub).length).toBe(2);
  });

  it("--delete-stale deletes what loaders may read, in the same commit", async () => {
    await pushFiles("me/old", { deleteStale: true });
    const files = Object.keys(branch(hub, "me/old"));
    expect(files).not.toContain("pytorch_model.bin");
    expect(files).toEqual(expect.arrayContaining([".gitattributes", "LICENSE", "model.safetensors"]));
    expect(urls(/\/commit\/main/).length).toBe(1);
  });

  it("of what is there already makes no commit", async () => {
    const folder = await writeFolder();
    await pushFiles("me/new", {}, { folder });
    hub.server.requests.length = 0;
    const { result } = await pushFiles("me/new", {}, { folder });
    expect(result).toMatchObject({ pushed: false, commit: hub.server.repos["me/new"]?.refs.main });
    expect(hub.server.requests.every(({ method }) => method === "GET")).toBe(true);
  });

  it("--create-pr proposes a commit and leaves main alone", async () => {
    const { result } = await pushFiles("me/old", { createPr: true });
    expect(result.pull_request).toMatch(/\/me\/old\/discussions\/1$/);
    expect(result.url).toBe(result.pull_request);
    expect(hub.server.repos["me/old"]?.refs.main).toBe(OLD);
    expect(Object.keys(branch(hub, "me/old", "refs/pr/1"))).toContain("model.safetensors");
  });

  it("--dry-run changes nothing and says what it would", async () => {
    const { result } = await pushFiles("me/new", { dryRun: true });
    expect(result).toMatchObject({ pushed: false, files: { added: Object.keys(FILES).sort() } });
    expect(hub.server.requests.every(({ method }) => method === "GET")).toBe(true);
  });

  it("of a bare name goes to the token's owner", async () => {
    const { result } = await pushFiles("mine");
    expect(result.repo).toBe("me/mine");
  });

  it("follows a repository that was renamed", async () => {
    hub.server.faults.renamed = { "me/former": "me/old" };
    const { result, lines } = await pushFiles("me/former");
    expect(result.repo).toBe("me/old");
    expect(lines[0]).toBe("Pushing to me/old");
  });

  it("fills the model card in and says what only the owner knows", async () => {
    const { result, lines } = await pushFiles("me/new");
    const card = asText(branch(hub, "me/new")["README.md"]);
    expect(card).toBe(
      '---\nlicense: apache-2.0\nlanguage:\n  - "no"\nlibrary_name: transformers\n---\n\n# A model\n\n    from_pretrained("me/new")\n',
    );
    expect(result.card).toEqual({ completed: ["library_name"], missing: ["base_model"] });
    expect(lines.join("\n")).toMatch(/library_name filled in[\s\S]*no base_model/);
  });

  it("asks the Hub about the card before anything is uploaded", async () => {
    const folder = await writeFolder({ ...FILES, "README.md": "---\nlicense: bogus\n---\n" });
    await expect(pushFiles("me/new", {}, { folder })).rejects.toMatchObject({
      message: expect.stringMatching(/^README\.md: .*"license" must be one of/),
      remedy: expect.stringMatching(/lines between ---/),
    });
    expect(hub.server.repos["me/new"]).toBeUndefined();
    const bare = await writeFolder({ ...FILES, "README.md": "# No metadata\n" });
    expect((await pushFiles("me/new", {}, { folder: bare })).lines).toContain(
      "README.md: empty or missing license",
    );
  });
});

describe("a push that dies", () => {
  it("in the middle sends only what is missing the next time", async () => {
    const folder = await writeFolder();
    const weights = sha256(FILES["model.safetensors"] ?? "");
    const abort = new AbortController();
    hub.server.faults.stallUpload = new RegExp(weights);
    const attempt = pushFiles("me/new", {}, { folder, signal: abort.signal });
    await expect.poll(() => hub.server.blobs.size, { timeout: PATIENCE }).toBe(2);
    abort.abort(new Error("stopped by a test"));
    await expect(attempt).rejects.toThrow("me/new was made on the Hub and is still empty");
    expect(Object.keys(branch(hub, "me/new"))).toEqual([".gitattributes"]);
    delete hub.server.faults.stallUpload;
    hub.server.requests.length = 0;
    const { result } = await pushFiles("me/new", {}, { folder });
    expect(uploads(hub).map(({ url }) => url.split("?")[0])).toEqual([`/upload/${weights}`]);
    expect(result.present).toEqual(["onnx/model.onnx", "onnx/model.onnx_data"]);
    expect(hashOf(branch(hub, "me/new"), WEIGHTS)).toBe(hashOf(FILES, WEIGHTS));
  });

  it("is tried again by itself after a cut connection, a busy storage and a busy Hub", async () => {
    hub.server.faults.cutUpload = { afterBytes: 10_000, times: 1 };
    hub.server.faults.failures = {
      times: 2,
      status: 503,
      url: /preupload|upload|commit/,
      headers: { "retry-after": "0" },
    };
    const { result } = await pushFiles("me/new");
    expect(result.pushed).toBe(true);
    expect(hashOf(branch(hub, "me/new"), WEIGHTS)).toBe(hashOf(FILES, WEIGHTS));
  });

  it("does not send a commit twice whose answer got lost", async () => {
    hub.server.faults.failures = { times: 1, status: 502, url: /commit/ };
    await expect(pushFiles("me/old")).rejects.toThrow(/HTTP 502/);
    expect(urls(/\/commit\/main/).length).toBe(1);
  });

  it("says that the repository which it made is still empty", async () => {
    hub.server.faults.objectError = { code: 422, message: "Your storage quota is used up" };
    const lines: string[] = [];
    await expect(pushFiles("me/new", {}, { lines })).rejects.toThrow(
      /does not take a file.*Your storage quota is used up/,
    );
    expect(lines.at(-1)).toBe("me/new was made on the Hub and is still empty.");
  });
});

describe("an error", () => {
  const failure = (message: RegExp, remedy: RegExp) => ({
    exitCode: 2,
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(remedy),
  });

  it("401: no token, and one that the Hub does not accept", async () => {
    vi.stubEnv("HF_TOKEN", "hf_wrong");
    const attempt = pushFiles("me/new");
    await expect(attempt).rejects.toMatchObject(
      failure(/does not accept the access token.*401/, /settings\/tokens/),
    );
    await expect(attempt).rejects.not.toThrow(/hf_wrong/);
    hub.server.requests.length = 0;
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HF_HOME", hub.cache);
    await expect(pushFiles("me/new")).rejects.toMatchObject(
      failure(/no access token/, /HF_TOKEN.*hf auth login/),
    );
    expect(hub.server.requests).toEqual([]);
  });

  it("403: a namespace of somebody else's, and a token that may only read", async () => {
    await expect(pushFiles("others/new")).rejects.toMatchObject(
      failure(
        /may not create "others\/new" \(HTTP 403\): You don't have the rights/,
        /write access to "others"/,
      ),
    );
    hub.server.faults.readOnly = true;
    await expect(pushFiles("me/old")).rejects.toMatchObject(
      failure(/may not write to "me\/old" \(HTTP 403\)/, /write access.*--create-pr/),
    );
  });

  it("of the storage, whose addresses run out", async () => {
    hub.server.faults.failures = { times: 9, status: 403, url: /^\/upload/ };
    await expect(pushFiles("me/old")).rejects.toMatchObject(
      failure(/^127\.0\.0\.1:\d+, where the Hub has its large files put.*HTTP 403/, /Run it again/),
    );
  });

  it("409 and 412: a commit by somebody else meanwhile", async () => {
    for (const status of [409, 412]) {
      hub.server.faults.failures = { times: 1, status, url: /\/commit\/main/ };
      await expect(pushFiles("me/old")).rejects.toMatchObject(
        failure(new RegExp(`changed by somebody else meanwhile \\(HTTP ${status}\\)`), /Run it again/),
      );
    }
    const repo = hub.server.repos["me/old"];
    hub.server.faults.rewrite = (url, answer) => {
      if (repo && url.includes("/tree/")) {
        repo.commits["b".repeat(40)] = {};
        repo.refs.main = "b".repeat(40);
      }
      return answer;
    };
    await expect(pushFiles("me/old")).rejects.toThrow(
      /somebody else meanwhile \(HTTP 412\): A commit has happened since/,
    );
  });

  it("409 on creation: one that was made meanwhile is compared with and written to", async () => {
    hub.server.faults.failures = { times: 1, status: 404, url: /api\/models\/me\/old/ };
    const { result } = await pushFiles("me/old");
    expect(result.pushed).toBe(true);
    expect(Object.keys(branch(hub, "me/old"))).toContain("model.safetensors");
  });

  it("for what is no repository, a revision, offline use, and no folder", async () => {
    await expect(pushFiles("a/b/c")).rejects.toMatchObject({ exitCode: 2 });
    await expect(pushFiles("me/new@v1")).rejects.toThrow(/goes to the branch main/);
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(pushFiles("me/new")).rejects.toThrow(/HF_HUB_OFFLINE is set/);
    await expect(pushFiles("me/new", {}, { folder: "/nowhere/at/all" })).rejects.toMatchObject({
      exitCode: 2,
    });
    expect(hub.server.requests).toEqual([]);
  });

  it("for a Git LFS pointer in place of the weights", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    const folder = await writeFolder({ ...FILES, "model.safetensors": pointer });
    await expect(pushFiles("me/new", {}, { folder })).rejects.toThrow(
      /model\.safetensors is a Git LFS pointer/,
    );
  });

  it("never shows the token, also where the server echoes it", async () => {
    const headers = { "x-error-message": `Bearer ${TOKEN} is bad` };
    hub.server.faults.failures = { times: 1, status: 400, url: /commit/, headers };
    await expect(pushFiles("me/old")).rejects.toThrow(/: Bearer … is bad\.$/);
  });
});
