import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { open } from "../support/hub-setup.js";
import { FILES, pushFiles, setUpPush, TOKEN, uploads } from "./support.js";

const MAIN = "a".repeat(40);
const hub = setUpPush({ "me/old": { commits: { [MAIN]: { ...FILES } }, refs: { main: MAIN } } });

/** A server that nobody trusts: it writes down what it is sent. */
const foreign = { origin: "", seen: [] as { url: string; headers: IncomingHttpHeaders; body: string }[] };
let server: Server;

beforeEach(async () => {
  foreign.seen.length = 0;
  server = createServer((message, response) => {
    let body = "";
    message.on("data", (chunk) => {
      body += chunk;
    });
    message.on("end", () => {
      foreign.seen.push({ url: message.url ?? "", headers: message.headers, body });
      response.writeHead(200, { "content-type": "application/json", etag: '"1"' }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  foreign.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const everythingSeen = () => JSON.stringify(foreign.seen);
const everythingStored = () => JSON.stringify(hub.server.requests.filter(({ host }) => host === "cdn"));

describe("the token", () => {
  it("goes to the Hub and to no storage server", async () => {
    hub.server.faults.partSize = 65_536;
    await pushFiles("me/new");
    expect(uploads(hub).length).toBe(8);
    expect(everythingStored()).not.toContain(TOKEN);
    const writes = hub.server.requests.filter(({ host, method }) => host === "hub" && method === "POST");
    const isSigned = (url: string) => url.includes("complete_multipart");
    for (const { url, headers } of writes) {
      expect(headers.authorization, url).toBe(isSigned(url) ? undefined : `Bearer ${TOKEN}`);
    }
  });

  it.each([
    ["creation", /repos\/create/, 307],
    ["preupload", /preupload/, 308],
    ["the LFS batch", /objects\/batch/, 307],
    ["the commit", /\/commit\//, 307],
    ["the commit, as a GET", /\/commit\//, 302],
  ])("and what is written stay when the Hub redirects %s", async (_, url, status) => {
    hub.server.faults.redirect = { url, to: foreign.origin, status };
    await expect(pushFiles("me/new")).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(
        `to ${new URL(foreign.origin).host}; neither the token nor a file was sent`,
      ),
      remedy: expect.stringContaining(`HF_ENDPOINT to ${foreign.origin}`),
    });
    expect(foreign.seen).toEqual([]);
  });

  it("stays when the Hub redirects a look at the repository", async () => {
    hub.server.faults.redirect = { url: /\/api\/models/, to: foreign.origin };
    await expect(pushFiles("me/new")).rejects.toMatchObject({ exitCode: 2 });
    expect(foreign.seen.length).toBeGreaterThan(0);
    expect(everythingSeen()).not.toContain(TOKEN);
  });

  it("stays when the storage redirects an upload, which follows", async () => {
    hub.server.faults.redirect = { url: /^\/upload/, to: foreign.origin };
    await expect(pushFiles("me/new")).rejects.toMatchObject({ exitCode: 2 }); // the Hub never got the files
    expect(foreign.seen.length).toBe(3);
    expect(foreign.seen.map(({ headers }) => headers["content-length"]).sort()).toEqual([
      "20000",
      "300000",
      "70000",
    ]);
    expect(everythingSeen()).not.toContain(TOKEN);
  });

  it("stays when the card's metadata are asked about elsewhere", async () => {
    hub.server.faults.redirect = { url: /validate-yaml/, to: foreign.origin };
    expect((await pushFiles("me/new")).result.pushed).toBe(true);
    expect(foreign.seen).toEqual([]);
  });

  it("stays when the Hub redirects a download, a listing's next page, and names a page elsewhere", async () => {
    hub.server.faults.redirect = { url: /resolve/, to: foreign.origin, status: 302 };
    const source = await open(hub, "me/old", { token: TOKEN });
    await expect(source.localPath("model.safetensors")).rejects.toBeInstanceOf(Error);
    await expect(source.readRange("config.json", 0, 2)).resolves.toEqual(Buffer.from("{}"));
    hub.server.faults.redirect = { url: /cursor=/, to: foreign.origin };
    await expect(open(hub, "me/old", { token: TOKEN })).rejects.toBeInstanceOf(Error);
    delete hub.server.faults.redirect;
    hub.server.faults.nextPage = `${foreign.origin}/next`;
    await expect(open(hub, "me/old", { token: TOKEN })).rejects.toBeInstanceOf(Error);
    expect(foreign.seen.length).toBeGreaterThan(3);
    expect(everythingSeen()).not.toContain(TOKEN);
  });

  it("comes from the file that `hf auth login` writes, whatever it begins with", async () => {
    const { writeFile } = await import("node:fs/promises");
    const file = join(hub.cache, "token");
    await writeFile(file, "self-hosted-token\n");
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HF_TOKEN_PATH", file);
    hub.server.faults.requiredToken = "self-hosted-token";
    expect((await pushFiles("me/new")).result.pushed).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("self-hosted-token\n");
  });
});
