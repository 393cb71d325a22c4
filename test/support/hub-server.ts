import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { type HubFaults, type HubRequest, sendError, sendFile } from "./hub-answers.js";
import { type HubRepo, type StoredRepo, sha256 } from "./hub-repo.js";
import { answerHub } from "./hub-routes.js";
import { answerStorage, answerWrite } from "./hub-write-routes.js";

export interface RecordedRequest {
  readonly host: "hub" | "cdn";
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface HubServer {
  readonly endpoint: string;
  readonly cdn: string;
  readonly faults: HubFaults;
  readonly requests: RecordedRequest[];
  readonly repos: Readonly<Record<string, StoredRepo>>;
  /** What the storage server holds, by sha256. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  close(): Promise<void>;
}

/** A Hub and its storage server on two ports of 127.0.0.1. */
export async function startHubServer(initial: Readonly<Record<string, HubRepo>>): Promise<HubServer> {
  const repos: Record<string, StoredRepo> = Object.fromEntries(
    Object.entries(initial).map(([id, repo]) => [
      id,
      { ...repo, commits: { ...repo.commits }, refs: { ...repo.refs } },
    ]),
  );
  const faults: HubFaults = {};
  const requests: RecordedRequest[] = [];

  function listen(host: "hub" | "cdn", answer: (request: HubRequest) => void) {
    const server = createServer((message, response) => {
      const { method = "GET", url = "/", headers } = message;
      requests.push({ host, method, url, headers });
      if (faults.hang) return;
      const failure = faults.failures;
      if (failure && failure.times > 0 && (failure.url?.test(url) ?? true)) {
        failure.times--;
        response.writeHead(failure.status, failure.headers).end();
        return;
      }
      const { redirect } = faults;
      if (redirect?.url.test(url)) {
        response.writeHead(redirect.status ?? 307, { location: redirect.to + url }).end();
        return;
      }
      answer({ message, response, method, url: new URL(url, "http://127.0.0.1"), headers });
    });
    return new Promise<{ origin: string; close: () => Promise<void> }>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        const close = () =>
          new Promise<void>((done) => {
            server.close(() => done());
            server.closeAllConnections();
          });
        resolve({ origin: `http://127.0.0.1:${port}`, close });
      });
    });
  }

  const blobs = new Map<string, Buffer>();
  const parts = new Map<string, Buffer[]>();
  const cdn = await listen("cdn", (request) => {
    if (request.method === "PUT") {
      void answerStorage(request, { faults, blobs, parts });
      return;
    }
    const content = blobs.get(request.url.pathname.slice(1));
    if (content === undefined) sendError(request, 404, undefined, "no such blob");
    else sendFile(request, content, faults, { etag: `"${sha256(content)}"` });
  });
  const hub = await listen("hub", (request) => {
    const state = { repos, faults, blobs, parts, cdnOrigin: cdn.origin };
    if (request.method === "GET" || request.url.pathname.includes("/paths-info/")) answerHub(request, state);
    else void answerWrite(request, state);
  });

  return {
    endpoint: hub.origin,
    cdn: cdn.origin,
    faults,
    requests,
    repos,
    blobs,
    close: async () => {
      await Promise.all([hub.close(), cdn.close()]);
    },
  };
}
