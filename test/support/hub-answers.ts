import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** What goes wrong; tests change it while the server runs. */
export interface HubFaults {
  /** The only token that is accepted; without it nothing can be read. */
  requiredToken?: string;
  /** Answers with `status` to the next `times` requests whose URL matches. */
  failures?: { times: number; status: number; headers?: Record<string, string>; url?: RegExp };
  /**
   * Ends a file after so many bytes, `times` times: the connection is cut, falls silent, or is closed in order
   * as if that were all.
   */
  cut?: {
    afterBytes: number;
    times: number;
    how?: "cut" | "silent" | "closed";
    /** Resolves when the client has the bytes up to a position: it may drop what it has not read when it is cut off. */
    arrived?: (position: number) => Promise<unknown>;
  };
  /** Sends files in parts of so many bytes, one every so many milliseconds. */
  slow?: { bytes: number; every: number };
  /** Sends wrong bytes, right in number. */
  corrupt?: boolean;
  ignoreRange?: boolean;
  /** Answers a range with the bytes from this one on. */
  rangeFrom?: number;
  /** Takes requests and never answers. */
  hang?: boolean;
  /** Replaces the JSON of an API answer. */
  rewrite?: (url: string, answer: unknown) => unknown;
  /** Where a listing's next page is said to be, in place of the truth. */
  nextPage?: string;
  /** Sends requests whose URL matches to another server. */
  redirect?: { url: RegExp; to: string; status?: number };
  /** Ends a connection after so many bytes of an upload to the storage server, `times` times. */
  cutUpload?: { afterBytes: number; times: number };
  /** Takes uploads to these addresses and never answers. */
  stallUpload?: RegExp;
  /** Files from this size on are uploaded in parts of that size. */
  partSize?: number;
  /** What the storage says of a file in place of where to put it. */
  objectError?: { code: number; message: string };
  /** The token may read, and write nothing. */
  readOnly?: boolean;
  /** Old repository names and their new ones. */
  renamed?: Record<string, string>;
}

export interface HubRequest {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

/** Sends a file or the part of it that is asked for, with what goes wrong on the way. */
export function sendFile(
  { response, method, headers }: HubRequest,
  content: Buffer,
  faults: HubFaults,
  extra: Record<string, string>,
): void {
  const range = faults.ignoreRange ? null : /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  const start = range ? (faults.rangeFrom ?? Number(range[1])) : 0;
  const end = range?.[2] ? Math.min(Number(range[2]) + 1, content.length) : content.length;
  if (range && start >= content.length) {
    response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
    return;
  }
  const cut =
    faults.cut && faults.cut.times > 0 && end - start > faults.cut.afterBytes ? faults.cut : undefined;
  response.useChunkedEncodingByDefault = false;
  response.writeHead(range ? 206 : 200, {
    ...extra,
    "accept-ranges": "bytes",
    ...(cut?.how === "closed" ? { connection: "close" } : { "content-length": String(end - start) }),
    ...(range ? { "content-range": `bytes ${start}-${end - 1}/${content.length}` } : {}),
  });
  if (method === "HEAD") {
    response.end();
    return;
  }
  const part = Buffer.from(content.subarray(start, end));
  if (faults.corrupt) part[part.length - 1] = (part.at(-1) ?? 0) ^ 1;
  if (cut) {
    cut.times--;
    response.write(part.subarray(0, cut.afterBytes));
    if (cut.how === "closed") response.end();
    else if (cut.how !== "silent") void cutOff(response, start + cut.afterBytes, cut.arrived);
    return;
  }
  if (faults.slow) void drip(response, part, faults.slow);
  else response.end(part);
}

async function cutOff(
  response: ServerResponse,
  position: number,
  arrived: (position: number) => Promise<unknown> = async () => {},
) {
  response.flushHeaders();
  await arrived(position);
  response.destroy();
}

async function drip(
  response: ServerResponse,
  content: Buffer,
  { bytes, every }: { bytes: number; every: number },
) {
  for (let sent = 0; sent < content.length; sent += bytes) {
    response.write(content.subarray(sent, sent + bytes));
    await sleep(every);
  }
  response.end();
}

/** Sends an error as the Hub does: its kind in a header, its words in another and in JSON. */
export function sendError(
  { response }: HubRequest,
  status: number,
  code: string | undefined,
  message: string,
  extra: Record<string, string> = {},
): void {
  const headers = { ...extra, "content-type": "application/json", "x-error-message": message };
  response.writeHead(status, code ? { ...headers, "x-error-code": code } : headers);
  response.end(JSON.stringify({ error: message }));
}
