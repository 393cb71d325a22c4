import { createRepo, modelInfo, whoAmI } from "@huggingface/hub";
import { z } from "zod";
import { HubError } from "../base/errors.js";
import { type HubFile, listRepo, understood } from "../checkpoint/hub/api.js";
import type { HubClient } from "../checkpoint/hub/client.js";
import { libraryFetch, STAND_IN } from "../checkpoint/hub/library-fetch.js";
import { isCommit } from "../checkpoint/hub/reference.js";
import { explainPush, RepoAbsentError, RepoExistsError } from "./errors.js";

/** The branch that is pushed to, and that pull requests are for. */
const BRANCH = "main";

/** A repository on the Hub, as it is before a push. */
export interface Repository {
  /** `org/name`, as the Hub calls it today. */
  readonly id: string;
  readonly exists: boolean;
  /** What the branch points to; undefined where there is nothing yet. */
  readonly commit: string | undefined;
  readonly files: ReadonlyMap<string, HubFile>;
}

const InfoSchema = z.object({
  /** The repository's name today, should it have been renamed. */
  name: z.string().optional(),
  private: z.boolean().optional(),
  sha: z.string().optional(),
});

export interface RepositoryOptions {
  /** Refuse one that everybody can read. */
  readonly private: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at the repository that is pushed to, and changes nothing.
 * @param name `org/name`, or `name` alone for one of the token's owner
 * @throws HubError if it cannot be seen, or is public against the user's wish.
 */
export async function openRepository(
  client: HubClient,
  name: string,
  options: RepositoryOptions,
): Promise<Repository> {
  const id = name.includes("/") ? name : `${await ownName(client, name, options)}/${name}`;
  try {
    return await existingRepository(client, id, options);
  } catch (error) {
    if (!(error instanceof RepoAbsentError)) throw error;
    return { id, exists: false, commit: undefined, files: new Map() };
  }
}

/** Makes the repository, unless it is there. */
export async function ensureRepository(
  client: HubClient,
  repository: Repository,
  options: RepositoryOptions,
): Promise<Repository> {
  const { id, exists } = repository;
  if (exists) return repository;
  try {
    await understood(client, () =>
      createRepo({
        repo: { type: "model", name: id },
        ...(options.private && { visibility: "private" }),
        ...askingFor(client, id, options),
      }),
    );
  } catch (error) {
    if (!(error instanceof RepoExistsError)) throw error;
    // Made by somebody else since, or one that this token does not see: writing to it will tell.
    return existingRepository(client, id, options).catch((second: unknown) => {
      if (!(second instanceof RepoAbsentError)) throw second;
      if (options.private) throw error;
      return { ...repository, exists: true };
    });
  }
  return { ...repository, exists: true };
}

async function existingRepository(
  client: HubClient,
  id: string,
  options: RepositoryOptions,
): Promise<Repository> {
  const info = await understood(client, async () =>
    InfoSchema.parse(
      await modelInfo({
        name: id,
        revision: BRANCH,
        additionalFields: ["sha"],
        ...askingFor(client, id, options),
      }),
    ),
  );
  const { name = id, sha } = info;
  if (options.private && !info.private) {
    throw new HubError(
      `"${name}" exists and is public; --private is for a new repository.`,
      `Make it private at ${client.environment.endpoint}/${name}/settings, or leave --private out.`,
    );
  }
  const commit = sha !== undefined && isCommit(sha) ? sha : undefined;
  const files = commit
    ? await listRepo(client, { repo: name, revision: commit }, options.signal)
    : new Map<string, HubFile>();
  return { id: name, exists: true, commit, files };
}

async function ownName(client: HubClient, name: string, options: RepositoryOptions): Promise<string> {
  const { name: own } = await understood(client, () => whoAmI(askingFor(client, name, options)));
  return own;
}

function askingFor(client: HubClient, repo: string, { signal }: RepositoryOptions) {
  const request = { subject: { repo, revision: BRANCH }, signal, explain: explainPush };
  return {
    hubUrl: client.environment.endpoint,
    fetch: libraryFetch(client, () => request),
    ...STAND_IN,
  };
}
