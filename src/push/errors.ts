import { HubError } from "../base/errors.js";
import type { ExplainStatus } from "../checkpoint/hub/client.js";
import { busyError, LOG_IN, saidByServer } from "../checkpoint/hub/errors.js";
import { isRecord } from "../json/json-edit.js";

/** The Hub knows no such repository, or shows it to others only. */
export class RepoAbsentError extends HubError {}

/** A repository of that name is there already. */
export class RepoExistsError extends HubError {}

export const RUN_AGAIN = "Run it again: large files that have arrived are not sent twice.";

/** Characters of an answer in which an error is looked for. */
const MAX_ERROR_LENGTH = 10_000;

/** The error for an answer that is not a success, to whatever a push asks. */
export const explainPush: ExplainStatus = async (response, { repo }, { endpoint, token }) => {
  const { status, headers, url } = response;
  const { host, origin, pathname } = new URL(url);
  const said = saidByServer(headers, token, errorIn(await response.text().catch(() => "")));
  const answered = `(HTTP ${status})${said}`;
  const settings = `${endpoint}/settings/tokens`;

  if (status === 429 || status >= 500) return busyError(response, `for "${repo}"${said}`, RUN_AGAIN);
  if (origin !== new URL(endpoint).origin) {
    return new HubError(
      `${host}, where the Hub has its large files put, did not take one ${answered}.`,
      `${RUN_AGAIN} The addresses for uploads hold for some hours only.`,
    );
  }
  if (status === 401) {
    return new HubError(
      `The Hub does not accept the access token ${answered}.`,
      `Make one with write access at ${settings}, then ${LOG_IN}.`,
    );
  }
  if (pathname.endsWith("/api/repos/create")) {
    if (status === 409) {
      return new RepoExistsError(
        `"${repo}" exists already, but this access token does not see it ${answered}.`,
        `Give the token access to it at ${settings}, or name another repository.`,
      );
    }
    if (status === 403) {
      return new HubError(
        `The access token may not create "${repo}" ${answered}.`,
        `Give it write access to "${repo.split("/")[0]}" at ${settings}, or push under a name of your own.`,
      );
    }
  }
  if (status === 403) {
    return new HubError(
      `The access token may not write to "${repo}" ${answered}.`,
      `Give it write access at ${settings}; --create-pr proposes a change to a repository of somebody else's.`,
    );
  }
  if (status === 404) {
    return new RepoAbsentError(
      `There is no model "${repo}" on ${host}, or this access token does not see it ${answered}.`,
      `Check the spelling, and the token's access at ${settings}.`,
    );
  }
  if (status === 409 || status === 412) {
    return new HubError(
      `"${repo}" was changed by somebody else meanwhile ${answered}.`,
      `${RUN_AGAIN} It compares with the new state first.`,
    );
  }
  return new HubError(`${host} does not take what is pushed to "${repo}" ${answered}.`);
};

/** What a JSON answer gives as its error. */
function errorIn(text: string): string {
  try {
    const answer: unknown = JSON.parse(text.slice(0, MAX_ERROR_LENGTH));
    if (!isRecord(answer)) return "";
    const { error, message, errors } = answer;
    const all = Array.isArray(errors) ? errors.map((one: unknown) => isRecord(one) && one.message) : [];
    return [error ?? message, ...all].filter((one) => typeof one === "string").join("; ");
  } catch {
    return "";
  }
}
