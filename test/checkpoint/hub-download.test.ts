import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { HubError } from "../../src/base/errors.js";
import { gitBlobHash, sha256 } from "../support/hub-repo.js";
import { open, setUpHub } from "../support/hub-setup.js";
import { PATIENCE } from "../support/patience.js";

const MAIN = "a".repeat(40);
const WEIGHTS = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) >> 3));
const CONFIG = '{"model_type":"bert"}';
const NAME = "model.safetensors";
/** No process has it: Linux counts to 4194304. */
const DEAD_PID = 99_999_999;

const hub = setUpHub({
  "org/model": {
    commits: {
      [MAIN]: {
        [NAME]: WEIGHTS,
        "copy.safetensors": WEIGHTS,
        "config.json": CONFIG,
        empty: "",
        "more.json": "{ }",
      },
    },
    refs: { main: MAIN },
  },
});

const blobs = (...path: string[]) => join(hub.cache, "models--org--model", "blobs", ...path);
const blob = (suffix = "") => blobs(sha256(WEIGHTS) + suffix);
const ranges = () =>
  hub.server.requests.filter(({ host }) => host === "cdn").map(({ headers }) => headers.range ?? "whole");

/** Cuts only what the download has written down, so that it does not depend on how fast that is. */
const arrived = (position: number) =>
  vi.waitUntil(
    async () =>
      (await stat(blob(`.lsg-${process.pid}.incomplete`)).catch(() => undefined))?.size === position,
    {
      timeout: PATIENCE,
    },
  );

async function leavePartial(suffix: string, content: Buffer): Promise<string> {
  await mkdir(blobs(), { recursive: true });
  await writeFile(blob(suffix), content);
  return blob(suffix);
}

async function download(options: Parameters<typeof open>[2] = {}): Promise<Buffer> {
  return readFile(await (await open(hub, "org/model", options)).localPath(NAME));
}

describe("a download", () => {
  it("brings every byte, says how far it is, and leaves nothing else behind", async () => {
    const progress: number[][] = [];
    const source = await open(hub, "org/model");
    const path = await source.localPath(NAME, { onProgress: (...step) => progress.push(step) });
    expect((await readFile(path)).equals(WEIGHTS)).toBe(true);
    expect(progress.at(0)).toEqual([0, WEIGHTS.length]);
    expect(progress.at(-1)).toEqual([WEIGHTS.length, WEIGHTS.length]);
    expect(progress.map(([received]) => received)).toEqual(
      progress.map(([received]) => received).sort((a = 0, b = 0) => a - b),
    );
    expect(await readdir(blobs())).toEqual([sha256(WEIGHTS)]);
  });

  it("of an empty file needs no request", async () => {
    const source = await open(hub, "org/model");
    hub.server.requests.length = 0;
    expect((await source.read("empty")).length).toBe(0);
    expect(hub.server.requests).toEqual([]);
  });

  it("goes on after a cut connection where it stopped", async () => {
    hub.server.faults.cut = { afterBytes: 70_000, times: 2, arrived };
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["whole", "bytes=70000-", "bytes=140000-"]);
  });

  it.each(["silent", "closed"] as const)("goes on after a connection that is %s too early", async (how) => {
    hub.server.faults.cut = { afterBytes: 70_000, times: 1, how };
    expect((await download({ pace: { silence: 2000, delay: 1 } })).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["whole", "bytes=70000-"]);
  });

  it("may take longer than the time that a connection may be silent", async () => {
    hub.server.faults.slow = { bytes: 10_000, every: 100 };
    expect((await download({ pace: { silence: 2000 } })).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["whole"]);
  });

  it("survives more cuts than it has tries, as long as each try brings bytes", async () => {
    hub.server.faults.cut = { afterBytes: 40_000, times: 7, arrived };
    expect((await download()).equals(WEIGHTS)).toBe(true);
  });

  it("that is cut at the same place again and again ends, and the next run goes on", async () => {
    hub.server.faults.cut = { afterBytes: 0, times: 3 };
    await expect(download()).rejects.toThrow(/Cannot read from 127.*the connection was cut/);
    expect(ranges().length).toBe(3);
    hub.server.faults.cut = { afterBytes: 100_000, times: 1, arrived };
    await expect(download({ pace: { attempts: 1 } })).rejects.toBeInstanceOf(HubError);
    expect(await readdir(blobs())).toEqual([expect.stringMatching(/\.lsg-\d+\.incomplete$/)]);
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges().at(-1)).toBe("bytes=100000-");
  });

  it("starts again at a server that ignores ranges", async () => {
    hub.server.faults.ignoreRange = true;
    await leavePartial(`.lsg-${DEAD_PID}.incomplete`, WEIGHTS.subarray(0, 50_000));
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["bytes=50000-"]);
  });

  it("cut again and again by a server that ignores ranges ends", async () => {
    hub.server.faults.ignoreRange = true;
    hub.server.faults.cut = { afterBytes: 1000, times: Number.POSITIVE_INFINITY };
    await expect(download()).rejects.toThrow(/the connection was cut/);
    expect(ranges().length).toBeLessThan(6);
  });

  it("waits as Retry-After says, and tries again on 429 and 5xx", async () => {
    const source = await open(hub, "org/model");
    hub.server.faults.failures = { times: 1, status: 429, headers: { "retry-after": "1" } };
    const start = performance.now();
    await source.localPath(NAME);
    expect(performance.now() - start).toBeGreaterThan(950);
    hub.server.faults.failures = { times: 2, status: 502 };
    expect((await source.read("config.json")).toString()).toBe(CONFIG);
  });

  it("gives up on 5xx after its tries", async () => {
    const source = await open(hub, "org/model");
    hub.server.requests.length = 0;
    hub.server.faults.failures = { times: 9, status: 500 };
    await expect(source.localPath(NAME)).rejects.toMatchObject({
      message: expect.stringMatching(/answered HTTP 500 for model.safetensors of "org\/model"/),
      exitCode: 2,
    });
    expect(hub.server.requests.length).toBe(3);
  });

  it("stops when aborted, with the signal's reason, and is resumed", async () => {
    const source = await open(hub, "org/model");
    const abort = new AbortController();
    const onProgress = (received: number) => received >= 50_000 && abort.abort(new Error("enough"));
    await expect(source.localPath(NAME, { signal: abort.signal, onProgress })).rejects.toThrow("enough");
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges().at(-1)).toMatch(/^bytes=\d+-$/);
  });

  it("stops when aborted in the middle of a wait", async () => {
    hub.server.faults.failures = { times: 9, status: 429, headers: { "retry-after": "30" } };
    const abort = new AbortController();
    const attempt = open(hub, "org/model", { signal: abort.signal });
    setTimeout(() => abort.abort(new Error("enough")), 50);
    await expect(attempt).rejects.toThrow("enough");
    expect(hub.notices).toEqual([expect.stringMatching(/HTTP 429.*Trying again in 30 s/)]);
  });
});

describe("what an interrupted run has left", () => {
  it.each([
    ["a process that is gone", `.lsg-${DEAD_PID}.incomplete`],
    ["this process", `.lsg-${process.pid}.incomplete`],
    ["Python", ".incomplete"],
  ])("by %s is gone on with", async (_, suffix) => {
    await leavePartial(suffix, WEIGHTS.subarray(0, 123_456));
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["bytes=123456-"]);
  });

  it("by a process that runs is left alone", async () => {
    const partial = await leavePartial(`.lsg-${process.ppid}.incomplete`, WEIGHTS.subarray(0, 10));
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["whole"]);
    expect((await stat(partial)).size).toBe(10);
  });

  it("by Python is removed once nobody can be writing to it", async () => {
    const partial = await leavePartial(".incomplete", WEIGHTS.subarray(0, 10));
    await download();
    expect((await stat(partial)).size).toBe(10);
    const source = await open(hub, "org/model");
    const old = blobs(`${gitBlobHash(CONFIG)}.incomplete`);
    await writeFile(old, CONFIG.slice(0, 3));
    await utimes(old, new Date(0), new Date(0));
    await source.read("config.json");
    expect((await readdir(blobs())).sort()).toEqual(
      [gitBlobHash(CONFIG), sha256(WEIGHTS), `${sha256(WEIGHTS)}.incomplete`].sort(),
    );
  });

  it("with wrong bytes in it costs a second download, not the file", async () => {
    await leavePartial(".incomplete", Buffer.alloc(100_000));
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual(["bytes=100000-", "whole"]);
  });

  it("whole, or longer than the file, is not asked for beyond its end", async () => {
    await leavePartial(`.lsg-${DEAD_PID}.incomplete`, WEIGHTS);
    expect((await download()).equals(WEIGHTS)).toBe(true);
    expect(ranges()).toEqual([]);
    const config = blobs(`${gitBlobHash(CONFIG)}.lsg-${DEAD_PID}.incomplete`);
    await writeFile(config, `${CONFIG} and more`);
    expect((await (await open(hub, "org/model")).read("config.json")).toString()).toBe(CONFIG);
  });
});

describe("a damaged file", () => {
  it.each([
    [NAME, sha256(WEIGHTS)],
    ["config.json", gitBlobHash(CONFIG)],
  ])("%s is an error with both hashes, and nothing of it stays", async (path, hash) => {
    const source = await open(hub, "org/model");
    hub.server.faults.corrupt = true;
    const attempt = source.localPath(path);
    await expect(attempt).rejects.toThrow(new RegExp(`its hash is [0-9a-f]{40,64}, the Hub lists ${hash}`));
    await expect(attempt).rejects.not.toThrow(`its hash is ${hash}`);
    expect(await readdir(blobs())).toEqual([]);
    hub.server.faults.corrupt = false;
    await source.localPath(path);
  });

  it("longer than listed is not written on and on", async () => {
    hub.server.faults.rewrite = (url, right) =>
      url.includes("/tree/") && Array.isArray(right)
        ? right.map((entry) => (entry.path === "config.json" ? { ...entry, size: 5 } : entry))
        : right;
    const source = await open(hub, "org/model");
    await expect(source.localPath("config.json")).rejects.toThrow(/longer than the 5 bytes listed/);
    expect(await readdir(blobs())).toEqual([]);
  });
});

describe("downloads side by side", () => {
  it("of one blob by two sources and under two names all succeed", async () => {
    const [first, second] = await Promise.all([open(hub, "org/model"), open(hub, "org/model")]);
    const paths = await Promise.all([
      first.localPath(NAME),
      second.localPath(NAME),
      first.localPath("copy.safetensors"),
      second.localPath("copy.safetensors"),
    ]);
    for (const path of paths) expect((await readFile(path)).equals(WEIGHTS)).toBe(true);
    expect(await readdir(blobs())).toEqual([sha256(WEIGHTS)]);
  });
});

describe("the token", () => {
  it("goes to the endpoint and not to the storage server it redirects to", async () => {
    hub.server.faults.requiredToken = "hf_right";
    const source = await open(hub, "org/model", { token: "hf_right" });
    await source.localPath(NAME);
    await source.readRange("copy.safetensors", 0, 8);
    const sent = (host: string) =>
      hub.server.requests
        .filter((request) => request.host === host)
        .map(({ headers }) => headers.authorization);
    expect(new Set(sent("hub"))).toEqual(new Set(["Bearer hf_right"]));
    expect(sent("cdn").length).toBeGreaterThan(0);
    expect(new Set(sent("cdn"))).toEqual(new Set([undefined]));
  });

  it.each(["a redirect", "a listing's next page"])("does not follow %s to another host", async (way) => {
    const elsewhere = `${hub.server.cdn}/elsewhere`;
    if (way === "a redirect") {
      hub.server.faults.failures = {
        times: 99,
        status: 307,
        headers: { location: elsewhere },
        url: /\/tree\//,
      };
    } else {
      hub.server.faults.nextPage = elsewhere;
    }
    await expect(open(hub, "org/model", { token: "hf_right" })).rejects.toBeInstanceOf(HubError);
    const sent = hub.server.requests.filter(({ host }) => host === "cdn").map(({ headers }) => headers);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("is in no error, nor is the storage server's signature", async () => {
    const source = await open(hub, "org/model", { token: "hf_right" });
    hub.server.faults.failures = { times: 9, status: 403, url: /signature/ };
    const error = await source.localPath(NAME).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(HubError);
    expect(JSON.stringify(error) + String(error) + (error as HubError).remedy).not.toMatch(/hf_right|secret/);
  });

  it("is not needed for redirects in circles to end", async () => {
    const source = await open(hub, "org/model");
    hub.server.faults.failures = { times: 99, status: 302, headers: { location: "/org/model/resolve/x/y" } };
    await expect(source.localPath(NAME)).rejects.toThrow(/redirects more than 5 times/);
  });

  it.each(["file:///etc/passwd", "ftp://host/x", "http://["])(
    "a redirect to %s is refused",
    async (location) => {
      const source = await open(hub, "org/model");
      hub.server.faults.failures = { times: 1, status: 302, headers: { location } };
      await expect(source.localPath(NAME)).rejects.toThrow(/redirects to where no file can be read from/);
    },
  );
});

describe("a range of a file that is not cached", () => {
  it("is fetched alone, whatever the range", async () => {
    const source = await open(hub, "org/model");
    await fc.assert(
      fc.asyncProperty(fc.nat(WEIGHTS.length), fc.nat(2000), async (start, length) => {
        const end = Math.min(start + length, WEIGHTS.length);
        expect(await source.readRange(NAME, start, end)).toEqual(WEIGHTS.subarray(start, end));
      }),
      { numRuns: 20 },
    );
    expect(ranges().every((range) => range.startsWith("bytes="))).toBe(true);
    expect(await readdir(hub.cache)).toEqual([]);
  });

  it("is refused where the server sends another part than asked for", async () => {
    const source = await open(hub, "org/model");
    hub.server.faults.rangeFrom = 101;
    await expect(source.readRange(NAME, 100, 200)).rejects.toThrow(/bytes from 101 on, not from 100/);
    await leavePartial(".incomplete", WEIGHTS.subarray(0, 100));
    await expect(source.localPath(NAME)).rejects.toThrow(/another part of model.safetensors than asked/);
  });

  it("comes out right from a server that ignores ranges, and after a cut", async () => {
    const source = await open(hub, "org/model");
    hub.server.faults.cut = { afterBytes: 10, times: 1 };
    expect(await source.readRange(NAME, 100, 200)).toEqual(WEIGHTS.subarray(100, 200));
    hub.server.faults.ignoreRange = true;
    expect(await source.readRange(NAME, 150_000, 150_008)).toEqual(WEIGHTS.subarray(150_000, 150_008));
    expect(await source.readRange("config.json", 2, 12)).toEqual(Buffer.from(CONFIG).subarray(2, 12));
    await sleep(50); // a body dropped midway must not surface later as an unhandled rejection
  });
});
