import { setTimeout as sleep } from "node:timers/promises";
import { HubError } from "../../base/errors.js";
import type { HubEnvironment } from "./environment.js";
import { type HubSubject, HubUnreachableError, overNetwork, statusError } from "./errors.js";
import { follow } from "./follow.js";
import type { HubBody } from "./send-body.js";

export interface Pace {
  /** Tries of one request in a row that bring no new byte. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled before each one after that. */
  readonly delay: number;
  /** Milliseconds without a byte after which a connection counts as dead. */
  readonly silence: number;
  /** The same for what is written: the Hub thinks for a minute about a large commit, its storage about many parts. */
  readonly writeSilence: number;
}

const PACE: Pace = { attempts: 5, delay: 500, silence: 30_000, writeSilence: 300_000 };

/** The longest wait that a server may ask for, in milliseconds: nobody watches a still terminal for longer. */
const MAX_WAIT = 60_000;

/** Waits from here on, in milliseconds, are announced. */
const NOTICEABLE_WAIT = 2000;

export interface HubRequest {
  readonly url: string;
  readonly subject: HubSubject;
  /** Asked for anew at each try, so that a cut download goes on where it stopped. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** How far this request has come over all tries, in bytes. */
  readonly progress?: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly body?: HubBody | undefined;
  /** As in HubMessage. */
  readonly anonymous?: boolean | undefined;
  /** Done once or not at all: tried again only where the server says that it has not begun. */
  readonly once?: boolean | undefined;
  /** The error for an answer that is not a success. Default: that of reading. */
  readonly explain?: ExplainStatus | undefined;
}

export type ExplainStatus = (
  response: Response,
  subject: HubSubject,
  environment: HubEnvironment,
) => HubError | Promise<HubError>;

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
   * Sends a request and hands its successful answer to `consume`; both are tried again together when the
   * server is busy or the connection breaks.
   * @throws HubError for any other answer; the signal's reason when aborted.
   */
  send<T>(request: HubRequest, consume: (answer: HubAnswer) => Promise<T>): Promise<T>;
}

export interface ClientOptions {
  readonly onStep?: ((text: string) => void) | undefined;
  readonly pace?: Partial<Pace> | undefined;
}

export function createHubClient(environment: HubEnvironment, options: ClientOptions = {}): HubClient {
  const pace = { ...PACE, ...options.pace };

  async function tryOnce<T>(request: HubRequest, consume: (answer: HubAnswer) => Promise<T>): Promise<T> {
    const connection = new AbortController();
    const timer = setTimeout(
      () => connection.abort(Object.assign(new Error("silence"), { code: "ETIMEDOUT" })),
      request.body ? pace.writeSilence : pace.silence,
    );
    const { signal } = connection;
    const { subject, body, anonymous, explain = statusError } = request;
    try {
      const response = await follow(
        {
          url: new URL(request.url),
          headers: request.headers?.() ?? {},
          body: body && { ...body, open: () => body.open().pipeThrough(onEachChunk(() => timer.refresh())) },
          anonymous,
          signal: request.signal ? AbortSignal.any([signal, request.signal]) : signal,
        },
        environment,
      );
      if (!response.ok) throw await explain(response, subject, environment);
      const chunks = readChunks(response, () => timer.refresh());
      const { status, headers } = response;
      return await consume({ status, headers, start: bodyStart(response), chunks });
    } finally {
      clearTimeout(timer);
      connection.abort(); // drops a body that nobody has read to its end
    }
  }

  async function send<T>(request: HubRequest, consume: (answer: HubAnswer) => Promise<T>): Promise<T> {
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
        if (request.once && !error.retry?.refused) throw error;
        if (progress() > before) failures = 1;
        // A name that could be resolved a minute ago will be again: only a first contact fails at once.
        const lasting = error.retry === undefined && progress() === atStart && !request.body;
        if (lasting || failures >= pace.attempts) throw error;
        const wait = Math.min(error.retry?.after ?? pace.delay * 2 ** (failures - 1), MAX_WAIT);
        if (wait >= NOTICEABLE_WAIT) {
          options.onStep?.(`${error.message} Trying again in ${Math.round(wait / 1000)} s.`);
        }
        // Aborted while waiting: the check at the loop's start throws the signal's reason.
        await sleep(wait, undefined, { signal: request.signal }).catch(() => undefined);
      }
    }
  }

  return { environment, send };
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
    const next = await overNetwork(host, "read from", async () => reader?.read());
    if (next === undefined || next.done) return;
    onChunk();
    yield next.value;
  }
}

function onEachChunk(action: () => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      action();
      controller.enqueue(chunk);
    },
  });
}
