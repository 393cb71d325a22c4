import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What a request carries; one without is a GET. */
export interface HubBody {
  readonly method: "POST" | "PUT";
  /** Bytes. */
  readonly size: number;
  /** The bytes from the first on: another try and a redirect send them again. */
  open(): ReadableStream<Uint8Array>;
}

/** Answers that have no body, and for which `Response` takes none. */
export const WITHOUT_BODY: readonly number[] = [204, 205, 304];

/**
 * Sends a body as it is read, in chunks, and follows no redirect. Node's `fetch` keeps a second copy of a body in memory
 * as long as it might have to follow one: the whole of a model.
 */
export async function sendBody(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: HubBody,
  signal: AbortSignal,
): Promise<Response> {
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"));
  const answer = await new Promise<import("node:http").IncomingMessage>((resolve, reject) => {
    const { method, size } = body;
    // Without its length a body goes out as chunks, which storage servers refuse.
    const message = request(url, { method, headers: { ...headers, "content-length": size }, signal });
    message.on("response", resolve);
    // A server may answer and hang up before it has read everything: what it said counts.
    message.on("error", reject);
    pipeline(body.open(), message).catch((error: Error) => message.destroy(error));
  });
  const { statusCode: status = 0 } = answer;
  const pairs = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const content = WITHOUT_BODY.includes(status) ? null : Readable.toWeb(answer);
  if (content === null) answer.resume();
  const response = new Response(content as ReadableStream | null, { status, headers: pairs });
  return Object.defineProperty(response, "url", { value: url.href });
}
