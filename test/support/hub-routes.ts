import type { IncomingMessage } from "node:http";
import { type HubFaults, type HubRequest, sendError, sendFile } from "./hub-answers.js";
import {
  gitBlobHash,
  type HubRepo,
  isLfs,
  type StoredRepo,
  sha256,
  treeFile,
  treeFolder,
} from "./hub-repo.js";

/** Small, so that a test's repository needs several pages. */
const TREE_PAGE_SIZE = 3;

export interface HubState {
  readonly repos: Record<string, StoredRepo>;
  readonly faults: HubFaults;
  /** What the storage server holds, by sha256. */
  readonly blobs: Map<string, Buffer>;
  readonly cdnOrigin: string;
}

const ROUTES = {
  /** /api/models/{id}[/revision/{rev}], …/tree/{rev}, …/paths-info/{rev} */
  api: /^\/api\/models\/(?<id>.+?)(?:\/(?<verb>revision|tree|paths-info)\/(?<revision>[^/]+))?$/,
  resolve: /^\/(?<id>.+?)\/resolve\/(?<revision>[^/]+)\/(?<path>.+)$/,
};

/** Answers what goes to the Hub itself. */
export function answerHub(request: HubRequest, state: HubState): void {
  const { pathname, search } = request.url;
  if (pathname === "/api/whoami-v2" && isAllowed(request, state.faults)) {
    const auth = { type: "access_token", accessToken: { displayName: "test", role: "write" } };
    request.response.writeHead(200, { "content-type": "application/json" });
    request.response.end(JSON.stringify({ type: "user", name: "me", auth }));
    return;
  }
  const match = ROUTES.api.exec(pathname) ?? ROUTES.resolve.exec(pathname);
  const { id = "", verb, revision = "main", path } = match?.groups ?? {};
  const renamed = state.faults.renamed?.[id];
  if (renamed !== undefined) {
    request.response.writeHead(307, { location: pathname.replace(id, renamed) + search }).end();
    return;
  }
  if (!isAllowed(request, state.faults)) return;
  const repo = Object.hasOwn(state.repos, id) ? state.repos[id] : undefined;
  if (repo === undefined) {
    sendError(request, 404, "RepoNotFound", "Repository not found");
    return;
  }
  const name = decodeURIComponent(revision);
  const commit = Object.hasOwn(repo.refs, name) ? (repo.refs[name] ?? name) : name;
  const files = repo.commits[commit];
  if (files === undefined) {
    sendError(request, 404, "RevisionNotFound", `Invalid rev id: ${name}`);
  } else if (path !== undefined) {
    answerResolve(request, state, repo, commit, files, decodeURIComponent(path));
  } else {
    void answerApi(request, state, { id, verb, commit, files, isPrivate: repo.private ?? false });
  }
}

/** Whether the token is right where one is needed; answers if it is not. */
export function isAllowed(request: HubRequest, { requiredToken }: HubFaults): boolean {
  const { authorization } = request.headers;
  if (requiredToken === undefined || authorization === `Bearer ${requiredToken}`) return true;
  const said = authorization
    ? "Invalid credentials in Authorization header"
    : "Invalid username or password.";
  sendError(request, 401, undefined, said);
  return false;
}

interface ApiCall {
  readonly id: string;
  readonly verb: string | undefined;
  readonly commit: string;
  readonly files: Readonly<Record<string, Buffer | string>>;
  readonly isPrivate: boolean;
}

async function answerApi(request: HubRequest, { faults }: HubState, call: ApiCall): Promise<void> {
  const { id, verb, commit, files, isPrivate } = call;
  const headers: Record<string, string> = { "content-type": "application/json; charset=utf-8" };
  const paths = Object.keys(files);
  let answer: unknown;
  if (verb === "tree") {
    const folders = new Set(
      paths.filter((path) => path.includes("/")).map((path) => path.split("/")[0] ?? ""),
    );
    const entries = [
      ...[...folders].map(treeFolder),
      ...paths.map((path) => treeFile(path, files[path] ?? "")),
    ];
    const start = Number(request.url.searchParams.get("cursor") ?? 0);
    answer = entries.slice(start, start + TREE_PAGE_SIZE);
    if (start + TREE_PAGE_SIZE < entries.length) {
      const next = new URL(request.url);
      next.host = request.headers.host ?? next.host;
      next.searchParams.set("cursor", String(start + TREE_PAGE_SIZE));
      headers.link = `<${faults.nextPage ?? next.href}>; rel="next"`;
    }
  } else if (verb === "paths-info") {
    const asked = JSON.parse((await readBody(request.message)).toString()) as { paths: string[] };
    answer = asked.paths
      .filter((path) => Object.hasOwn(files, path))
      .map((path) => ({
        ...treeFile(path, files[path] ?? ""),
        lastCommit: { id: commit, title: "", date: DATE },
      }));
  } else {
    answer = {
      _id: "0",
      id,
      modelId: id,
      sha: commit,
      private: isPrivate,
      gated: false,
      downloads: 0,
      likes: 0,
      lastModified: DATE,
      tags: [],
      siblings: paths.map((rfilename) => ({ rfilename })),
    };
  }
  const body = faults.rewrite ? faults.rewrite(request.url.pathname, answer) : answer;
  request.response.writeHead(200, headers).end(typeof body === "string" ? body : JSON.stringify(body));
}

const DATE = "2024-01-01T00:00:00.000Z";

function answerResolve(
  request: HubRequest,
  { faults, blobs, cdnOrigin }: HubState,
  repo: HubRepo,
  commit: string,
  files: Readonly<Record<string, Buffer | string>>,
  path: string,
): void {
  if (repo.gated) {
    const status = request.headers.authorization ? 403 : 401;
    sendError(request, status, "GatedRepo", "Access to this model is restricted.");
    return;
  }
  const content = Object.hasOwn(files, path) ? files[path] : undefined;
  if (content === undefined) {
    sendError(request, 404, "EntryNotFound", "Entry not found", { "x-repo-commit": commit });
    return;
  }
  const bytes = Buffer.from(content);
  if (!isLfs(path, bytes)) {
    sendFile(request, bytes, faults, { etag: `"${gitBlobHash(bytes)}"`, "x-repo-commit": commit });
    return;
  }
  const hash = sha256(bytes);
  blobs.set(hash, bytes);
  const headers = {
    location: `${cdnOrigin}/${hash}?signature=secret`,
    "x-repo-commit": commit,
    "x-linked-etag": `"${hash}"`,
    "x-linked-size": String(bytes.length),
  };
  request.response.writeHead(302, headers).end();
}

export async function readBody(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
