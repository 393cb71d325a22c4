import { collect, type HubClient, type HubRequest } from "./client.js";
import { type HubBody, WITHOUT_BODY } from "./send-body.js";

/** Bytes of one JSON answer; a page of a thousand files has some hundred kilobytes. */
const MAX_ANSWER_SIZE = 64 * 2 ** 20;

/**
 * What @huggingface/hub takes for an access token. It asks for one where it writes and wants it to begin with `hf_`;
 * the client puts the real one in its place, where that one may go.
 */
export const STAND_IN = { accessToken: "hf_" } as const;

/** How a request differs from a plain GET for the same subject. */
export interface LibraryRequest extends Omit<HubRequest, "url" | "headers" | "body" | "anonymous"> {
  /** Told of the bytes that leave, and of the file that they are of; less than 0 when a try starts again. */
  readonly onSent?: (bytes: number, path: string | undefined) => void;
}

/**
 * Our client in the shape of the `fetch` that @huggingface/hub takes: it keeps the token, follows redirects, tries
 * again and makes the errors. What the library sends without a token goes without one.
 */
export function libraryFetch(
  client: HubClient,
  requestFor: (url: string, isWrite: boolean) => LibraryRequest,
): typeof fetch {
  return (input, init) => {
    const url = String(input);
    const { authorization, ...headers } = Object.fromEntries(new Headers(init?.headers));
    const isWrite = init?.method === "POST" || init?.method === "PUT";
    const { onSent, ...request } = requestFor(url, isWrite);
    const body = isWrite ? bodyOf(init, onSent) : undefined;
    const anonymous = isWrite && authorization === undefined;
    return client.send({ ...request, url, headers: () => headers, body, anonymous }, async (answer) => {
      const content = await collect(answer.chunks, MAX_ANSWER_SIZE);
      const { status } = answer;
      const answered = WITHOUT_BODY.includes(status) ? null : new Uint8Array(content);
      return new Response(answered, { status, headers: answer.headers });
    });
  };
}

/** The library says beside the standard's own fields of which file a body is. */
interface LibraryInit extends RequestInit {
  readonly progressHint?: { readonly path?: string };
}

function bodyOf(init: LibraryInit, onSent: LibraryRequest["onSent"]): HubBody {
  const { body, method, progressHint } = init;
  const blob = body instanceof Blob ? body : new Blob([String(body)]);
  let sent = 0;
  return {
    method: method === "PUT" ? "PUT" : "POST",
    size: blob.size,
    open() {
      onSent?.(-sent, progressHint?.path);
      sent = 0;
      const counter = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          sent += chunk.length;
          onSent?.(chunk.length, progressHint?.path);
          controller.enqueue(chunk);
        },
      });
      return blob.stream().pipeThrough(counter);
    },
  };
}
