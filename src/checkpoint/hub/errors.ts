import { HubError, systemErrorCode } from "../../base/errors.js";
import type { HubEnvironment } from "./environment.js";

export interface HubSubject {
  readonly repo: string;
  readonly revision: string;
  readonly file?: string;
  /** Whether the user may have meant a folder, which does not exist then. */
  readonly mayBeFolder?: boolean;
}

/** The server did not answer, or said that it cannot now: the cache may stand in for it. */
export class HubUnreachableError extends HubError {
  constructor(
    message: string,
    remedy: string,
    /** Whether to try again: after how many milliseconds if the server said so, and whether it did nothing so far. */
    readonly retry: { readonly after?: number | undefined; readonly refused?: boolean } | undefined,
    options?: ErrorOptions,
  ) {
    super(message, remedy, options);
  }
}

export const LOG_IN = "set HF_TOKEN or run `hf auth login`";
const TRY_LATER = "Try again later; what was downloaded so far is kept.";

/** The error for an answer that is not a success. Statuses as the Hub uses them, told apart by X-Error-Code. */
export function statusError(response: Response, subject: HubSubject, environment: HubEnvironment): HubError {
  const { repo, revision, file, mayBeFolder } = subject;
  const { status, headers } = response;
  const { endpoint, token } = environment;
  const code = headers.get("x-error-code");
  const { host, origin } = new URL(response.url);
  const said = saidByServer(headers, token);
  const thing = file === undefined ? `"${repo}"` : `${file} of "${repo}"`;

  if (status === 429 || status >= 500 || origin !== new URL(endpoint).origin) {
    // Another host is a storage server; its 403 is a signature that ran out, and the next try has a new one.
    return busyError(response, `for ${thing}${said}`, TRY_LATER);
  }
  if (code === "GatedRepo") {
    return new HubError(
      `"${repo}" is gated: the Hub gives its files only to accounts that have accepted its terms${said}.`,
      `Accept them at ${endpoint}/${repo}${token ? " with the account that your token belongs to" : `, then ${LOG_IN}`}.`,
    );
  }
  if (status === 401 && token) {
    return new HubError(
      `The Hub does not accept the access token (HTTP 401 for ${thing})${said}.`,
      `Make a new one at ${endpoint}/settings/tokens, then ${LOG_IN}.`,
    );
  }
  if (status === 403) {
    return new HubError(
      `The Hub does not let ${token ? "this access token" : "anonymous users"} read ${thing} (HTTP 403)${said}.`,
      token
        ? `Give the token read access to the repository, or ${LOG_IN} with another.`
        : `Please ${LOG_IN}.`,
    );
  }
  if (status === 404 && (code === "EntryNotFound" || (code === null && file !== undefined))) {
    return new HubError(`"${repo}" has no file ${file} at revision "${revision}".`);
  }
  if (status === 404 && code === "RevisionNotFound") {
    return new HubError(
      `"${repo}" has no revision "${revision}".`,
      `Branches, tags and commits are listed at ${endpoint}/${repo}/tree/main.`,
    );
  }
  if (status === 401 || status === 404) {
    return new HubError(
      `${mayBeFolder ? "There is no such folder, and" : "There is"} no ${token ? "" : "public "}model "${repo}" on ${host} (HTTP ${status}).`,
      `Check the spelling; if the model is private or gated, ${LOG_IN}.`,
    );
  }
  return new HubError(`${host} answered HTTP ${status} for ${thing}${said}.`);
}

/** The error for an answer after which another try may go better. @param what what was asked, and what was said */
export function busyError({ status, headers, url }: Response, what: string, remedy: string): HubError {
  return new HubUnreachableError(`${new URL(url).host} answered HTTP ${status} ${what}.`, remedy, {
    after: retryAfter(headers),
    refused: status === 429 || status === 503,
  });
}

/** Reasons that do not go away within seconds: the cache should answer at once. */
const LASTING =
  /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT|.*CERT.*|ERR_TLS.*|ERR_SSL.*|UNABLE_TO_VERIFY.*)$/;

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, "its name cannot be resolved (DNS)"],
  [/^ECONNREFUSED$/, "the connection was refused"],
  [/^(?:ENETUNREACH|EHOSTUNREACH)$/, "there is no network"],
  [/TIMEOUT|^ETIMEDOUT$/, "it did not answer in time"],
  [/CERT|UNABLE_TO_VERIFY/, "its TLS certificate is not trusted (NODE_EXTRA_CA_CERTS adds one)"],
  [/^ERR_(?:TLS|SSL)/, "no TLS connection comes about"],
  [/^(?:ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_ABORTED)$/, "the connection was cut"],
];

/** What to do where no answer came. */
const REMEDIES = {
  "read from":
    "Check the connection and HF_ENDPOINT; what was downloaded so far is kept. HF_HUB_OFFLINE=1 uses the cache alone.",
  "write to":
    "Check the connection and HF_ENDPOINT, and run it again: large files that have arrived are not sent twice.",
} as const;

/** The error for a request without an answer, or with half of one. `error` is what `fetch` threw. */
export function networkError(
  host: string,
  error: unknown,
  way: keyof typeof REMEDIES = "read from",
): HubUnreachableError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = systemErrorCode(cause) ?? "";
  const reason = REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? (code || wordsOf(cause));
  return new HubUnreachableError(
    `Cannot ${way} ${host}: ${reason}.`,
    REMEDIES[way],
    LASTING.test(code) ? undefined : {},
    { cause: error },
  );
}

/** Whatever `action` throws becomes a networkError. */
export async function overNetwork<T>(
  host: string,
  way: keyof typeof REMEDIES,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw networkError(host, error, way);
  }
}

function wordsOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "the connection was cut";
}

/** The error for an answer that is not what the Hub's API promises. */
export function malformedAnswer(endpoint: string, what: string, cause?: unknown): HubError {
  return new HubError(
    `${new URL(endpoint).host} does not answer as a Hugging Face Hub does: ${what}.`,
    "Check HF_ENDPOINT and any proxy in between.",
    { cause },
  );
}

/** Milliseconds from Retry-After, which is either seconds or a date. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** The server's own words, short, on one line, and without the token should it echo it. */
export function saidByServer(
  headers: Headers,
  token: string | undefined,
  otherwise: string | undefined = "",
): string {
  const text = (headers.get("x-error-message") ?? otherwise).replace(/[^\x20-\x7e]+/g, " ").trim();
  const safe = token ? text.replaceAll(token, "…") : text;
  return safe ? `: ${safe.slice(0, 200).replace(/\.$/, "")}` : "";
}
