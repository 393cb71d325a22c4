import { HubError } from "../../base/errors.js";

export interface HubReference {
  /** `org/name`, or `name` alone for a model from the Hub's first years. */
  readonly repo: string;
  /** Branch, tag or commit, where the reference names one. */
  readonly revision: string | undefined;
}

/** The Hub's rule for a repository id; `--` is what the cache puts in place of `/`. */
const REPO_ID = /^(?:\w[\w.-]*\/)?\w[\w.-]{0,95}$/;
const FORBIDDEN_IN_REPO_ID = /--|\.\.|[.-](?:\/|$)|\.git$/;

/**
 * Reads `org/name`, `name`, `hf://org/name` and any of them with `@revision`.
 * @throws HubError if the text is not a repository id.
 */
export function parseHubReference(text: string): HubReference {
  const match = /^(?:hf:\/\/)?([^@]*)(?:@(.*))?$/s.exec(text);
  const repo = match?.[1] ?? "";
  if (!REPO_ID.test(repo) || FORBIDDEN_IN_REPO_ID.test(repo)) {
    throw new HubError(
      `"${text}" is neither a folder nor a Hub model.`,
      "Check the path, or name a Hub model as org/name or hf://org/name@revision.",
    );
  }
  const revision = match?.[2];
  if (revision !== undefined) requireRevision(revision);
  return { repo, revision };
}

/** @throws HubError if `revision` cannot be a branch, tag or commit: it becomes a file name in the cache. */
export function requireRevision(revision: string): string {
  if (isPathInside(revision) && !/[\s~^:?*[]/.test(revision)) return revision;
  throw new HubError(
    `"${revision}" cannot be a revision.`,
    "Name a branch, a tag or a commit's 40 hex digits.",
  );
}

/** Whether a revision is a commit itself rather than a name for one. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Longer than any system takes. */
const MAX_PATH = 4096;

/** Whether a POSIX path stays inside the folder it is joined to, on Windows too. */
export function isPathInside(path: string): boolean {
  return (
    path.length <= MAX_PATH &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: such names would garble the terminal
    !/[\\\x00-\x1f\x7f]/.test(path) &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !/^[a-z]:/i.test(part))
  );
}
