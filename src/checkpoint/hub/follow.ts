import { HubError } from "../../base/errors.js";
import type { HubEnvironment } from "./environment.js";
import { overNetwork } from "./errors.js";
import { type HubBody, sendBody } from "./send-body.js";

export interface HubMessage {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: HubBody | undefined;
  /** The address itself is the permission, as a signed one of a storage server is: no token goes with it. */
  readonly anonymous?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** The Hub needs two (a renamed repository, then the storage server). */
const MAX_REDIRECTS = 5;

/** Redirects after which a body may be sent again; the others turn a request into a GET. */
const KEEPS_METHOD = [307, 308];

/**
 * Sends a request and follows redirects by hand: the token goes to the endpoint's own origin and nowhere else, and
 * what is written to the Hub is not sent to another server in its place.
 * @throws HubError for a redirect that cannot be followed.
 */
export async function follow(message: HubMessage, { endpoint, token }: HubEnvironment): Promise<Response> {
  const home = new URL(endpoint).origin;
  const { headers, body, anonymous, signal } = message;
  const way = body ? "write to" : "read from";
  let { url } = message;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const all = {
      "user-agent": "lsg-convert",
      "accept-encoding": "identity", // sizes and ranges are those of the file itself
      ...headers,
      ...(token && !anonymous && url.origin === home ? { authorization: `Bearer ${token}` } : {}),
    };
    const response = await overNetwork(url.host, way, () =>
      body ? sendBody(url, all, body, signal) : fetch(url, { signal, redirect: "manual", headers: all }),
    );
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await overNetwork(url.host, way, () => response.arrayBuffer()); // frees the connection for the next request
    const target = redirectTarget(url, location);
    if (body && !(KEEPS_METHOD.includes(response.status) && (anonymous || target.origin === home))) {
      throw misdirected(url, target, home);
    }
    url = target;
  }
  throw new HubError(`${message.url.host} redirects more than ${MAX_REDIRECTS} times.`);
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

/** The error for what goes to the Hub and would end up elsewhere; a storage server may name another one. */
function misdirected(from: URL, to: URL, home: string): HubError {
  return new HubError(
    `${from.host} redirects what is written to it to ${to.host}; neither the token nor a file was sent there.`,
    to.origin === home ? "Check HF_ENDPOINT." : `If that is your Hub, set HF_ENDPOINT to ${to.origin}.`,
  );
}
