import { type HubFaults, type HubRequest, sendError } from "./hub-answers.js";
import { gitBlobHash, isLfs, type StoredRepo, sha256 } from "./hub-repo.js";
import { type HubState, isAllowed, readBody } from "./hub-routes.js";

export interface StorageState {
  readonly faults: HubFaults;
  readonly blobs: Map<string, Buffer>;
  /** Parts of uploads that are under way, by the whole file's sha256. */
  readonly parts: Map<string, Buffer[]>;
}

type WriteState = HubState & StorageState;
type Route = (request: HubRequest, state: WriteState, body: Buffer, match: Record<string, string>) => void;

const ROUTES: readonly (readonly [RegExp, Route])[] = [
  [/^\/api\/repos\/create$/, create],
  [/^\/api\/validate-yaml$/, validate],
  [/^\/api\/complete_multipart$/, complete],
  [/^\/api\/models\/(?<id>.+)\/preupload\/main$/, preupload],
  [/^\/api\/models\/(?<id>.+)\/commit\/main$/, commit],
  [/^\/(?<id>.+)\.git\/info\/lfs\/objects\/batch$/, batch],
];

/** Answers what is written to the Hub itself. */
export async function answerWrite(request: HubRequest, state: WriteState): Promise<void> {
  const body = await readBody(request.message);
  const { pathname } = request.url;
  const [pattern, route] = ROUTES.find(([one]) => one.test(pathname)) ?? [];
  // The address of a multipart upload is a permission of its own.
  if (route !== complete) {
    if (!isAllowed(request, state.faults)) return;
    if (!request.headers.authorization) {
      sendError(request, 401, undefined, "Invalid username or password.");
      return;
    }
    if (state.faults.readOnly) {
      sendError(request, 403, undefined, "This token has no write access");
      return;
    }
  }
  const match = pattern?.exec(pathname)?.groups ?? {};
  if (!route) sendError(request, 404, undefined, "Sorry, we can't find the page you are looking for.");
  else if (match.id !== undefined && !state.repos[match.id])
    sendError(request, 404, "RepoNotFound", "Repository not found");
  else route(request, state, body, match);
}

function create(request: HubRequest, { repos }: WriteState, body: Buffer): void {
  const { name, organization, visibility, ...others } = JSON.parse(body.toString());
  const id = `${organization}/${name}`;
  if (organization === "others") {
    sendError(request, 403, undefined, `You don't have the rights to create a model under "${organization}"`);
    return;
  }
  if (repos[id]) {
    sendError(request, 409, undefined, "You already created this model repo");
    return;
  }
  const first = gitBlobHash(id);
  const files = { ".gitattributes": "*.safetensors filter=lfs diff=lfs merge=lfs -text\n" };
  repos[id] = {
    commits: { [first]: files },
    refs: { main: first },
    private: visibility === "private" || others.private === true,
  };
  sendJson(request, { url: `http://${request.headers.host}/${id}`, name: id, id: "1" });
}

function validate(request: HubRequest, _state: WriteState, body: Buffer): void {
  const { content } = JSON.parse(body.toString());
  const [, licence] = /^license: (.*)$/m.exec(content) ?? [];
  if (licence === "bogus") {
    request.response.writeHead(400, { "content-type": "application/json" });
    request.response.end(
      JSON.stringify({ errors: [{ message: '"license" must be one of [apache-2.0, …]' }] }),
    );
    return;
  }
  sendJson(request, {
    errors: [],
    warnings: licence === undefined ? [{ message: "empty or missing license" }] : [],
  });
}

function preupload(request: HubRequest, _state: WriteState, body: Buffer): void {
  const { files } = JSON.parse(body.toString()) as {
    files: { path: string; size: number; sample: string }[];
  };
  sendJson(request, {
    files: files.map(({ path, size }) => ({
      path,
      uploadMode: isLfs(path, { length: size }) ? "lfs" : "regular",
      shouldIgnore: false,
    })),
  });
}

function batch(request: HubRequest, { faults, blobs, cdnOrigin }: WriteState, body: Buffer): void {
  const { objects, transfers } = JSON.parse(body.toString()) as {
    objects: { oid: string; size: number }[];
    transfers: string[];
  };
  if (transfers.includes("xet")) {
    sendError(request, 501, undefined, "this server has no Xet");
    return;
  }
  const { host } = request.headers;
  const answer = objects.map(({ oid, size }) => {
    if (faults.objectError) return { oid, size, error: faults.objectError };
    if (blobs.has(oid)) return { oid, size };
    const href = `${cdnOrigin}/upload/${oid}`;
    const { partSize } = faults;
    if (partSize === undefined || size <= partSize) {
      return { oid, size, actions: { upload: { href: `${href}?signature=secret` } } };
    }
    const parts = Array.from({ length: Math.ceil(size / partSize) }, (_, index) => {
      const number = String(index + 1).padStart(5, "0");
      return [number, `${href}/${number}?signature=secret`];
    });
    const header = { chunk_size: String(partSize), ...Object.fromEntries(parts) };
    return {
      oid,
      size,
      actions: { upload: { href: `http://${host}/api/complete_multipart?oid=${oid}`, header } },
    };
  });
  sendJson(request, { transfer: faults.partSize === undefined ? "basic" : "multipart", objects: answer });
}

/** Takes a file, or a part of one, as S3 does: with its length, without a second permission, and the right bytes. */
export async function answerStorage(
  request: HubRequest,
  { faults, blobs, parts }: StorageState,
): Promise<void> {
  const { headers, message, response, url } = request;
  const [, oid = "", part] = /^\/upload\/(\w+)(?:\/(\d+))?$/.exec(url.pathname) ?? [];
  if (faults.stallUpload?.test(url.pathname)) return;
  const cut = faults.cutUpload;
  if (cut && cut.times > 0) {
    cut.times--;
    let received = 0;
    message.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received >= cut.afterBytes) response.destroy();
    });
    return;
  }
  const content = await readBody(message);
  if (headers["transfer-encoding"]) {
    sendError(request, 501, undefined, "A header implies functionality not implemented");
    return;
  }
  if (headers.authorization) {
    sendError(request, 400, undefined, "Only one auth mechanism allowed");
    return;
  }
  if (part !== undefined) {
    const all = parts.get(oid) ?? [];
    all[Number(part) - 1] = content;
    parts.set(oid, all);
  } else if (sha256(content) === oid) {
    blobs.set(oid, content);
  } else {
    sendError(request, 400, undefined, "BadDigest");
    return;
  }
  response.writeHead(200, { etag: `"${sha256(content).slice(0, 32)}"` }).end();
}

function complete(request: HubRequest, { blobs, parts }: WriteState, body: Buffer): void {
  const asked = JSON.parse(body.toString()) as { oid: string; parts: { partNumber: number; etag: string }[] };
  const all = parts.get(asked.oid) ?? [];
  const whole = Buffer.concat(all);
  const isRight =
    asked.parts.length === all.length &&
    asked.parts.every(({ partNumber, etag }) => {
      const part = all[partNumber - 1];
      return part !== undefined && etag === `"${sha256(part).slice(0, 32)}"`;
    });
  if (!isRight || sha256(whole) !== asked.oid) {
    sendError(request, 400, undefined, "InvalidPart");
    return;
  }
  blobs.set(asked.oid, whole);
  sendJson(request, {});
}

interface CommitLine {
  readonly key: "header" | "file" | "lfsFile" | "deletedFile";
  readonly value: Readonly<Record<string, string>>;
}

function commit(
  request: HubRequest,
  state: WriteState,
  body: Buffer,
  { id = "" }: Record<string, string>,
): void {
  const repo = state.repos[id] as StoredRepo;
  const [header, ...changes] = body
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as CommitLine);
  const head = repo.refs.main ?? "";
  const { parentCommit } = header?.value ?? {};
  if (parentCommit !== undefined && parentCommit !== head) {
    sendError(request, 412, undefined, "A commit has happened since. Please refresh and try again.");
    return;
  }
  const files: Record<string, Buffer | string> = { ...repo.commits[head] };
  for (const { key, value } of changes) {
    const { path = "", oid = "", content = "" } = value;
    if (key === "deletedFile") delete files[path];
    else if (key === "file") files[path] = Buffer.from(content, "base64");
    else {
      const stored = state.blobs.get(oid);
      if (!stored) {
        sendError(request, 400, undefined, `LFS object ${oid} does not exist`);
        return;
      }
      files[path] = stored;
    }
  }
  const oid = gitBlobHash(`${head}${body.toString()}`);
  repo.commits[oid] = files;
  const isPullRequest = request.url.searchParams.has("create_pr");
  const number = Object.keys(repo.refs).length;
  repo.refs[isPullRequest ? `refs/pr/${number}` : "main"] = oid;
  const origin = `http://${request.headers.host}`;
  sendJson(request, {
    success: true,
    commitOid: oid,
    commitUrl: `${origin}/${id}/commit/${oid}`,
    hookOutput: "",
    ...(isPullRequest && { pullRequestUrl: `${origin}/${id}/discussions/${number}` }),
  });
}

function sendJson({ response }: HubRequest, answer: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
}
