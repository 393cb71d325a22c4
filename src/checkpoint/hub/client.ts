import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../../errors.js";
import type { HubEnvironment } from "./environment.js";
import { type HubSubject, HubUnreachableError, networkError, statusError } from "./errors.js";

/** How patient a client is. */
export interface Pace {
  /** Tries of one request in a row that bring no new byte. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled before each one after that. */
  readonly delay: number;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly silence: number;
}

const PACE: Pace = { attempts: 5, delay: 500, silence: 30_000 };

/** The longest wait that a server may ask for, in milliseconds: nobody watches a still terminal for longer. */
const MAX_WAIT = 60_000;

/** Waits from here on, in milliseconds, are announced. */
const NOTICEABLE_WAIT = 2000;

/** The Hub needs two (a renamed repository, then the storage server). */
const MAX_REDIRECTS = 5;

export interface HubRequest {
  readonly url: string;
  readonly subject: HubSubject;
  /** Asked for anew at each try, so that a cut download goes on where it stopped. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** How far this request has come over all tries, in bytes. */
  readonly progress?: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface HubAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The byte of the file that the body begins with: 0 from a server that ignores ranges. */
  readonly start: number;
  /** The body, to be read inside the callback. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface HubClient {
  readonly environment: HubEnvironment;
  /**
   * Sends a GET request and hands its successful answer to `consume`; both are tried again together when the
   * server is busy or the connection breaks.
   * @throws HubError for any other answer; the signal's reason when aborted.
   */
  get<T>(request: HubRequest, consume: (answer: HubAnswer) => Promise<T>): Promise<T>;
}

export interface ClientOptions {
  readonly onNotice?: ((text: string) => void) | undefined;
  readonly pace?: Partial<Pace> | undefined;
}

export function createHubClient(environment: HubEnvironment, options: ClientOptions = {}): HubClient {
  const pace = { ...PACE, ...options.pace };

  async function tryOnce<T>(request: HubRequest, consume: (answer: HubAnswer) => Promise<T>): Promise<T> {
    const connection = new AbortController();
    const timer = setTimeout(
      () => connection.abort(Object.assign(new Error("silence"), { code: "ETIMEDOUT" })),
      pace.silence,
    );
    const { signal } = connection;
    try {
      const response = await follow(
        new URL(request.url),
        request.headers?.() ?? {},
        request.signal ? AbortSignal.any([signal, request.signal]) : signal,
      );
      if (!response.ok) throw statusError(response, request.subject, environment);
      const chunks = readChunks(response, () => timer.refresh());
      const { status, headers } = response;
      return await consume({ status, headers, start: bodyStart(response), chunks });
    } finally {
      clearTimeout(timer);
      connection.abort(); // drops a body that nobody has read to its end
    }
  }

  /** Follows redirects by hand: the token goes to the endpoint's own origin and nowhere else. */
  async function follow(
    start: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    const { endpoint, token } = environment;
    const home = new URL(endpoint).origin;
    let url = start;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await overNetwork(url.host, () =>
        fetch(url, {
          signal,
          redirect: "manual",
          headers: {
            "user-agent": "lsg-convert",
            "accept-encoding": "identity", // sizes and ranges are those of the file itself
            ...headers,
            ...(token && url.origin === home ? { authorization: `Bearer ${token}` } : {}),
          },
        }),
      );
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) return response;
      await overNetwork(url.host, () => response.arrayBuffer()); // frees the connection for the next request
      url = redirectTarget(url, location);
    }
    throw new HubError(`${start.host} redirects more than ${MAX_REDIRECTS} times.`);
  }

  async function get<T>(request: HubRequest, consume: (answer: HubAnswer) => Promise<T>): Promise<T> {
    const progress = request.progress ?? (() => 0);
    const atStart = progress();
    for (let failures = 1; ; failures++) {
      request.signal?.throwIfAborted();
      const before = progress();
      try {
        return await tryOnce(request, consume);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (!(error instanceof HubUnreachableError)) throw error;
        if (progress() > before) failures = 1;
        // A name that could be resolved a minute ago will be again: only a first contact fails at once.
        const lasting = error.retry === undefined && progress() === atStart;
        if (lasting || failures >= pace.attempts) throw error;
        const wait = Math.min(error.retry?.after ?? pace.delay * 2 ** (failures - 1), MAX_WAIT);
        if (wait >= NOTICEABLE_WAIT) {
          options.onNotice?.(`${error.message} Trying again in ${Math.round(wait / 1000)} s.`);
        }
        // Aborted while waiting: the check at the loop's start throws the signal's reason.
        await sleep(wait, undefined, { signal: request.signal }).catch(() => undefined);
      }
    }
  }

  return { environment, get };
}

/** Puts chunks together. @throws HubError beyond `limit` bytes. */
export async function collect(chunks: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limit) throw new HubError(`The Hub sent more than the ${limit} bytes that were expected.`);
    parts.push(chunk);
  }
  return Buffer.concat(parts, length);
}

/** @throws HubError if a redirect leaves the web, or gives up encryption. */
function redirectTarget(from: URL, location: string): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (
    target &&
    (target.protocol === "https:" || (target.protocol === "http:" && from.protocol === "http:"))
  ) {
    return target;
  }
  throw new HubError(`${from.host} redirects to where no file can be read from.`);
}

/** @throws HubError if a partial answer does not say which part it is. */
function bodyStart({ status, headers, url }: Response): number {
  if (status !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
  if (start === undefined)
    throw new HubError(`${new URL(url).host} sent a part of a file without its place.`);
  return Number(start);
}

async function* readChunks(response: Response, onChunk: () => void): AsyncGenerator<Uint8Array> {
  const { host } = new URL(response.url);
  const reader = response.body?.getReader();
  for (;;) {
    const next = await overNetwork(host, async () => reader?.read());
    if (next === undefined || next.done) return;
    onChunk();
    yield next.value;
  }
}

async function overNetwork<T>(host: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw networkError(host, error);
  }
}
