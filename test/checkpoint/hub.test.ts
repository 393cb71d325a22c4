import { mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CheckpointError, HubError } from "../../src/base/errors.js";
import { gitBlobHash, sha256 } from "../support/hub-repo.js";
import { open, setUpHub } from "../support/hub-setup.js";

const MAIN = "a".repeat(40);
const OLD = "b".repeat(40);
const WEIGHTS = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
const FILES = {
  "config.json": '{"model_type":"bert"}',
  "1_Pooling/config.json": "{}",
  "tokenizer.json": '{"version":"1.0"}',
  "vocab.txt": "[PAD]\n[UNK]\n",
  "with space#.txt": "odd name",
  "model.safetensors": WEIGHTS,
};

const hub = setUpHub({
  "org/model": {
    commits: { [MAIN]: FILES, [OLD]: { "config.json": "old" } },
    refs: { main: MAIN, v1: OLD, "refs/pr/2": OLD },
  },
  gpt2: { commits: { [MAIN]: { "config.json": "{}" } }, refs: { main: MAIN } },
  "org/gated": { gated: true, commits: { [MAIN]: FILES }, refs: { main: MAIN } },
});

const repoFolder = (...path: string[]) => join(hub.cache, "models--org--model", ...path);
const urls = () => hub.server.requests.map(({ method, url }) => `${method} ${url}`);

describe("openHub", () => {
  it("lists every page of files with the content's size, at the commit of the branch", async () => {
    const source = await open(hub, "org/model");
    expect(source.name).toBe("org/model");
    expect(source.origin).toEqual({ kind: "hub", repo: "org/model", revision: MAIN });
    expect(Object.fromEntries([...source.files].map(([path, { size }]) => [path, size]))).toEqual(
      Object.fromEntries(Object.entries(FILES).map(([path, content]) => [path, content.length])),
    );
    expect(urls().some((url) => url.includes("resolve"))).toBe(false);
    await expect(readdir(hub.cache)).resolves.toEqual([]);
  });

  it.each([
    ["org/model", "v1"],
    ["org/model", OLD],
    ["hf://org/model@refs/pr/2", undefined],
    ["hf://org/model@v1", "v1"],
  ])("opens %s at revision %s", async (reference, revision) => {
    const source = await open(hub, reference, { revision });
    expect(source.origin).toMatchObject({ revision: OLD });
    expect((await source.read("config.json")).toString()).toBe("old");
  });

  it("opens a model without an organisation, and one that was renamed", async () => {
    expect((await open(hub, "gpt2")).files.size).toBe(1);
    hub.server.faults.renamed = { "old/name": "org/model" };
    const source = await open(hub, "old/name");
    expect((await source.read("vocab.txt")).toString()).toBe(FILES["vocab.txt"]);
    expect(await source.readRange("model.safetensors", 8, 16)).toEqual(WEIGHTS.subarray(8, 16));
  });

  it("refuses two different revisions", async () => {
    await expect(open(hub, "org/model@v1", { revision: "main" })).rejects.toThrow(/"v1".*"main"/);
  });
});

describe("the cache", () => {
  it("has Python's layout: blobs named by hash, relative links, refs without a line break", async () => {
    const source = await open(hub, "org/model");
    const path = await source.localPath("1_Pooling/config.json");
    await source.localPath("model.safetensors");
    expect(path).toBe(repoFolder("snapshots", MAIN, "1_Pooling", "config.json"));
    expect(await readlink(path)).toBe(join("..", "..", "..", "blobs", gitBlobHash("{}")));
    expect(await readlink(repoFolder("snapshots", MAIN, "model.safetensors"))).toBe(
      join("..", "..", "blobs", sha256(WEIGHTS)),
    );
    expect((await readdir(repoFolder("blobs"))).sort()).toEqual([gitBlobHash("{}"), sha256(WEIGHTS)].sort());
    expect(await readFile(repoFolder("refs", "main"), "utf8")).toBe(MAIN);
    await (await open(hub, "org/model@refs/pr/2")).read("config.json");
    expect(await readFile(repoFolder("refs", "refs", "pr", "2"), "utf8")).toBe(OLD);
  });

  it("is used without a request for a file", async () => {
    await (await open(hub, "org/model")).localPath("model.safetensors");
    hub.server.requests.length = 0;
    const source = await open(hub, "org/model");
    expect(await source.readRange("model.safetensors", 4990, 5000)).toEqual(WEIGHTS.subarray(4990));
    await source.localPath("model.safetensors");
    expect(urls().filter((url) => !url.includes("/api/"))).toEqual([]);
  });

  it("shares a blob between paths and commits", async () => {
    await (await open(hub, "org/model")).localPath("model.safetensors");
    const entry = repoFolder("snapshots", MAIN, "model.safetensors");
    await (await import("node:fs/promises")).rm(entry);
    hub.server.requests.length = 0;
    await (await open(hub, "org/model")).localPath("model.safetensors");
    expect((await stat(entry)).size).toBe(WEIGHTS.length);
    expect(urls().filter((url) => url.includes("resolve"))).toEqual([]);
  });

  it("is repaired where an entry is cut short", async () => {
    const source = await open(hub, "org/model");
    await writeFile(await source.localPath("vocab.txt"), "[P");
    expect((await source.read("vocab.txt")).toString()).toBe(FILES["vocab.txt"]);
  });

  it("that cannot be written to is named with the variable that moves it", async () => {
    await writeFile(repoFolder(), ""); // a file where the folder should be
    const source = await open(hub, "org/model");
    await expect(source.localPath("vocab.txt")).rejects.toMatchObject({
      message: expect.stringContaining("Cannot put vocab.txt into the Hub cache"),
      remedy: expect.stringContaining("HF_HUB_CACHE"),
      exitCode: 2,
    });
  });
});

describe("without the server", () => {
  it("offline, a branch resolves through refs and says to which commit", async () => {
    await (await open(hub, "org/model")).read("config.json");
    hub.server.requests.length = 0;
    const source = await open(hub, "org/model", { offline: true });
    expect(source.name).toBe("org/model");
    expect(source.origin).toEqual({ kind: "hub", repo: "org/model", revision: MAIN });
    expect([...source.files.keys()]).toEqual(["config.json"]);
    expect((await source.read("config.json")).toString()).toBe(FILES["config.json"]);
    await expect(source.read("vocab.txt")).rejects.toBeInstanceOf(CheckpointError);
    expect(hub.notices).toEqual([expect.stringContaining(MAIN)]);
    expect(urls()).toEqual([]);
  });

  it("offline, a commit needs no ref", async () => {
    await mkdir(repoFolder("snapshots", OLD), { recursive: true });
    await writeFile(repoFolder("snapshots", OLD, "config.json"), "old");
    expect((await open(hub, `org/model@${OLD}`, { offline: true })).files.size).toBe(1);
  });

  it("offline with nothing cached is an error", async () => {
    await expect(open(hub, "org/model", { offline: true })).rejects.toMatchObject({
      message: expect.stringContaining('no files of "org/model" at revision "main"'),
      remedy: expect.stringContaining("HF_HUB_OFFLINE"),
    });
  });

  it("a refused connection or a server error falls back to the cache", async () => {
    await (await open(hub, "org/model")).read("config.json");
    hub.server.faults.failures = { times: Number.POSITIVE_INFINITY, status: 503 };
    expect((await open(hub, "org/model")).files.size).toBe(1);
    expect(hub.notices.at(-1)).toContain("HTTP 503");
    await hub.server.close();
    expect((await open(hub, "org/model")).files.size).toBe(1);
    expect(hub.notices.at(-1)).toContain("the connection was refused");
  });

  it("a refused token does not", async () => {
    await (await open(hub, "org/model")).read("config.json");
    hub.server.faults.requiredToken = "hf_other";
    await expect(open(hub, "org/model")).rejects.toBeInstanceOf(HubError);
  });
});

describe("an error", () => {
  const failure = (message: RegExp, remedy: RegExp) => ({
    name: expect.stringMatching(/^Hub/),
    exitCode: 2,
    message: expect.stringMatching(message),
    remedy: expect.stringMatching(remedy),
  });

  it("401 without a token asks for one", async () => {
    hub.server.faults.requiredToken = "hf_right";
    const attempt = open(hub, "org/model");
    await expect(attempt).rejects.toMatchObject(
      failure(/no public model "org\/model".*401/, /HF_TOKEN.*hf auth login/),
    );
  });

  it("401 with a token says that it is not accepted, and does not show it", async () => {
    hub.server.faults.requiredToken = "hf_right";
    const attempt = open(hub, "org/model", { token: "hf_wrong" });
    await expect(attempt).rejects.toMatchObject(
      failure(/does not accept the access token/, /settings\/tokens/),
    );
    await expect(attempt).rejects.not.toThrow(/hf_wrong/);
  });

  it("401 with a message that echoes the token does not show it either", async () => {
    const headers = { "x-error-message": "Bad token hf_wrong" };
    hub.server.faults.failures = { times: 1, status: 401, headers };
    await expect(open(hub, "org/model", { token: "hf_wrong" })).rejects.toThrow(/: Bad token …\.$/);
  });

  it("403 of a gated model leads to its page", async () => {
    const page = `${hub.server.endpoint}/org/gated`;
    const anonymous = await open(hub, "org/gated");
    await expect(anonymous.read("config.json")).rejects.toMatchObject(
      failure(/gated/, /, then set HF_TOKEN/),
    );
    const known = await open(hub, "org/gated", { token: "hf_known" });
    await expect(known.readRange("model.safetensors", 0, 8)).rejects.toMatchObject({
      remedy: `Accept them at ${page} with the account that your token belongs to.`,
    });
  });

  it("404 tells repository, revision and file apart", async () => {
    await expect(open(hub, "nope")).rejects.toMatchObject(
      failure(/no such folder.*no public model "nope"/, /spelling/),
    );
    await expect(open(hub, "hf://org/nope")).rejects.not.toThrow(/folder/);
    await expect(open(hub, "org/model", { revision: "v9" })).rejects.toMatchObject(
      failure(/"org\/model" has no revision "v9"/, /\/org\/model\/tree\/main/),
    );
    hub.server.faults.rewrite = (url, answer) =>
      url.includes("/tree/") && Array.isArray(answer)
        ? [{ type: "file", path: "ghost.json", size: 2, oid: gitBlobHash("{}") }]
        : answer;
    await expect((await open(hub, "org/model")).read("ghost.json")).rejects.toThrow(
      `"org/model" has no file ghost.json at revision "${MAIN}".`,
    );
  });

  it("for a file that is not listed needs no request", async () => {
    const source = await open(hub, "org/model");
    hub.server.requests.length = 0;
    await expect(source.read("../config.json")).rejects.toBeInstanceOf(CheckpointError);
    await expect(source.readRange("none", 0, 1)).rejects.toBeInstanceOf(CheckpointError);
    await expect(source.readRange("vocab.txt", 0, 99)).rejects.toThrow(/vocab.txt ends after 12 bytes/);
    expect(urls()).toEqual([]);
  });

  it("for a configuration of a gigabyte needs no download", async () => {
    hub.server.faults.rewrite = (url, right) =>
      url.includes("/tree/")
        ? [{ type: "file", path: "config.json", size: 2 ** 30, oid: gitBlobHash("") }]
        : right;
    const source = await open(hub, "org/model");
    await expect(source.read("config.json")).rejects.toThrow(/config.json has 1073741824 bytes/);
    expect(urls().filter((url) => url.includes("resolve"))).toEqual([]);
  });

  it.each([
    ["no JSON", "<html>sign in to the hotel's network</html>"],
    ["null", null],
    ["an object without a commit", {}],
    ["a commit that is a path", { sha: "../../../etc" }],
  ])("for an answer that is %s names the server", async (_, answer) => {
    hub.server.faults.rewrite = (url, right) => (url.includes("/revision/") ? answer : right);
    await expect(open(hub, "org/model")).rejects.toMatchObject(
      failure(/127\.0\.0\.1:\d+ does not answer as a Hugging Face Hub does/, /HF_ENDPOINT/),
    );
  });

  it.each([
    ["an object", {}],
    ["a file without a hash", [{ type: "file", path: "a", size: 1 }]],
    ["a hash that is a path", [{ type: "file", path: "a", size: 1, oid: "../../x" }]],
    ["a negative size", [{ type: "file", path: "a", size: -1, oid: gitBlobHash("") }]],
  ])("for a listing that is %s names the server", async (_, answer) => {
    hub.server.faults.rewrite = (url, right) => (url.includes("/tree/") ? answer : right);
    await expect(open(hub, "org/model")).rejects.toMatchObject(failure(/does not answer as/, /HF_ENDPOINT/));
  });

  it.each(["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "C:/x", "a//b"])(
    "for a listed path %j that leaves the repository names it",
    async (path) => {
      hub.server.faults.rewrite = (url, right) =>
        url.includes("/tree/") ? [{ type: "file", path, size: 1, oid: gitBlobHash("x") }] : right;
      await expect(open(hub, "org/model")).rejects.toThrow(JSON.stringify(path));
    },
  );

  it("for a host that does not exist speaks of DNS, at once", async () => {
    const attempt = open(hub, "org/model", { endpoint: "http://hub.invalid", pace: { delay: 60_000 } });
    await expect(attempt).rejects.toMatchObject(
      failure(/hub\.invalid: its name cannot be resolved/, /HF_ENDPOINT/),
    );
  });

  it("for https where only http is spoken speaks of TLS, at once", async () => {
    const endpoint = hub.server.endpoint.replace("http:", "https:");
    const attempt = open(hub, "org/model", { endpoint, pace: { delay: 60_000 } });
    await expect(attempt).rejects.toMatchObject(failure(/no TLS connection/, /HF_ENDPOINT/));
  });

  it("for a server that stays silent speaks of time", async () => {
    hub.server.faults.hang = true;
    const attempt = open(hub, "org/model", { pace: { attempts: 2, delay: 1, silence: 50 } });
    await expect(attempt).rejects.toMatchObject(failure(/did not answer in time/, /connection/));
    expect(hub.server.requests.length).toBe(2);
  });
});
