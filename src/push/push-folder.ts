import { findArchitecture, modelTypes } from "../architectures/architectures.js";
import { hubTask } from "../architectures/tasks.js";
import { StoppedError } from "../base/errors.js";
import { type Progress, silent } from "../base/progress.js";
import { CONFIG_FILE, parseObject } from "../checkpoint/checkpoint.js";
import type { FileSource } from "../checkpoint/file-source.js";
import type { HubClient } from "../checkpoint/hub/client.js";
import { knownTokens } from "../checkpoint/hub/environment.js";
import {
  isNeverOpened,
  leftOutSentence,
  type OmittedFile,
  readForSorting,
  sortFiles,
} from "../checkpoint/left-out.js";
import { LIBRARIES, modelKind, SETTINGS_FILE } from "../checkpoint/sentence-transformers/model-kind.js";
import { MODULES_FILE } from "../checkpoint/sentence-transformers/modules-json.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import { headOf } from "../model/classes.js";
import { configLabels } from "../model/tensor-specs.js";
import type { PushOptions } from "../options/options.js";
import { RECORD_FILE, readRecord } from "../plan/conversion-record.js";
import type { ConversionRecord } from "../plan/types.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { seal } from "../verify/seal.js";
import { CARD, type CompletedCard, completeCard, validateCard } from "./card.js";
import { compare, filesOf, type RepositoryChanges } from "./files.js";
import { ensureRepository, type Repository } from "./repository.js";
import { requireSameFiles } from "./sealed.js";
import { type FoundSecret, refuseSecrets } from "./secrets.js";
import { upload } from "./upload.js";

/** What a push did, or would do. */
export interface PushResult {
  readonly repo: string;
  /** Where people look at it: the repository, or the pull request. */
  readonly url: string;
  /** False for a dry run, and where the repository holds all this already. */
  readonly pushed: boolean;
  readonly created: boolean;
  /** The commit's 40 hex digits. */
  readonly commit: string | null;
  readonly pull_request: string | null;
  readonly files: RepositoryChanges & {
    readonly deleted: readonly string[];
    /** Files of the folder that are not part of the model. */
    readonly left_out: readonly string[];
  };
  /** What looks like a secret and was let pass. */
  readonly allowed: readonly FoundSecret[];
  /** Large files that were not sent, since the Hub had their content. */
  readonly present: readonly string[];
  /** Keys of the model card that were filled in, and those that are missing. */
  readonly card: Pick<CompletedCard, "completed" | "missing">;
  /** Whether what was pushed was proven first. */
  readonly verified: "now" | "no";
  readonly verification?: VerificationReport | undefined;
}

/** A repository that can be pushed to, as far as is known before. */
export interface OpenedPush {
  readonly client: HubClient;
  readonly repository: Repository;
}

export interface PushFolderOptions
  extends Pick<PushOptions, "private" | "createPr" | "deleteStale" | "allow" | "dryRun"> {
  /** Finds out whether the folder is sound before anything is written, and throws if it is not; undefined: nobody asks. */
  readonly prove: (() => Promise<VerificationReport>) | undefined;
  /** The files that `prove` speaks of, where it was made before. */
  readonly sealed?: FileHashes | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
}

/**
 * Pushes an opened folder to an opened repository.
 * @throws LsgError before anything is written, for whatever is wrong with the folder, the token or the repository.
 */
export async function pushFolder(
  { client, repository: before }: OpenedPush,
  folder: FileSource,
  options: PushFolderOptions,
): Promise<PushResult> {
  const { prove, signal, progress = silent, allow } = options;
  const { source, leftOut } = await outgoing(folder);
  const { endpoint } = client.environment;
  const isProven = prove !== undefined && !options.dryRun;
  const sealed = isProven ? (options.sealed ?? (await seal(folder, signal))) : undefined;
  if (sealed) requireSameFiles([...folder.files.keys()], sealed);
  const card = await cardOf(source, before.id, prove !== undefined);
  const files = await filesOf(source, { [CARD]: Buffer.from(card.text) });
  const tokens = [client.environment.token ?? "", ...(await knownTokens())];
  const allowed = await refuseSecrets(files, { tokens, allow, root: rootOf(source), progress, signal });
  const left_out = leftOut.map(({ path }) => path);
  const changes = withoutLocal(await compare(files, before.files, sealed, progress, signal), left_out);
  const deleted = options.deleteStale ? changes.stale : [];
  announce(before, changes, card, options, progress);
  const leftBehind = leftOutSentence(leftOut, [...source.files.keys()]);
  if (leftBehind !== undefined) progress.step(leftBehind);
  const changed = files.filter(({ path }) => !changes.unchanged.includes(path));
  const result: PushResult = {
    repo: before.id,
    url: `${endpoint}/${before.id}`,
    pushed: false,
    created: false,
    commit: before.commit ?? null,
    pull_request: null,
    files: { ...changes, deleted, left_out },
    allowed,
    present: [],
    card: { completed: card.completed, missing: card.missing },
    verified: "no",
  };
  if (options.dryRun) return result;
  if (changed.length === 0 && deleted.length === 0) return result;
  const verification = await prove?.();

  await validateCard(client, before.id, card.text, { signal, onWarning: progress.step });
  const { private: isPrivate, createPr } = options;
  const repository = await ensureRepository(client, before, { private: isPrivate, signal });
  const title = `Upload ${source.name} with lsg-convert`;
  const plan = { repository, files: changed, deleted, title, createPr, sealed };
  try {
    const { commit, pullRequest, present } = await upload(client, plan, progress, signal);
    const url = pullRequest ?? result.url;
    const created = !before.exists;
    return {
      ...result,
      pushed: true,
      url,
      created,
      commit,
      pull_request: pullRequest ?? null,
      present,
      ...(verification && { verified: "now", verification }),
    };
  } catch (error) {
    if (before.exists) throw error;
    const state = `${repository.id} was made on the Hub and is still empty`;
    if (signal?.aborted) throw new StoppedError(state, undefined, { cause: error });
    progress.step(`${state}.`);
    throw error;
  }
}

function rootOf({ origin }: FileSource): string {
  return origin.kind === "folder" ? origin.path : "";
}

/** What the folder holds as well is not stale, though it is not pushed. */
function withoutLocal(changes: RepositoryChanges, local: readonly string[]): RepositoryChanges {
  return { ...changes, stale: changes.stale.filter((path) => !local.includes(path)) };
}

/** @param isProven whether the folder is proven before it goes: of one without a record the card then says what is not known */
async function cardOf(source: FileSource, repo: string, isProven: boolean): Promise<CompletedCard> {
  const read = async (path: string) => (source.files.has(path) ? await source.read(path) : undefined);
  const config = parseObject((await read(CONFIG_FILE)) ?? Buffer.from("{}"), CONFIG_FILE);
  const kind = modelKind(config, { modules: await read(MODULES_FILE), settings: await read(SETTINGS_FILE) });
  const record = source.files.has(RECORD_FILE) ? await readRecord(source) : undefined;
  return completeCard({
    card: (await read(CARD))?.toString("utf8"),
    repo,
    record,
    kind,
    isFineTuned: isProven && record === undefined,
    task: kind ? LIBRARIES[kind].task(configLabels(config)) : record && (await recordedTask(record)),
  });
}

/** The Hub's task of what a conversion wrote; undefined for a class or a model type that lsg does not know. */
async function recordedTask({ model_type, architecture }: ConversionRecord): Promise<string | undefined> {
  if (!modelTypes().includes(model_type)) return undefined;
  const head = headOf(await findArchitecture(model_type), architecture);
  return head && hubTask(head);
}

/** Says what is going to happen while it can still be stopped. */
function announce(
  { id, exists }: Repository,
  { added, replaced, unchanged, stale }: RepositoryChanges,
  { completed, missing, isFineTuned }: CompletedCard,
  options: Pick<PushFolderOptions, "private" | "deleteStale">,
  { step }: Progress,
): void {
  const list = (paths: readonly string[]) => paths.join(", ");
  step(
    exists
      ? `${id} exists: ${added.length} files are new, ${replaced.length} replaced, ${unchanged.length} the same.`
      : `${id} will be a new ${options.private ? "private " : ""}repository of ${added.length} files.`,
  );
  if (replaced.length > 0) step(`Replaced: ${list(replaced)}`);
  if (stale.length > 0) {
    step(
      options.deleteStale
        ? `Deleted: ${list(stale)}`
        : `Stale: ${list(stale)}. The folder does not hold them, and loaders may read them; --delete-stale deletes them.`,
    );
  }
  if (isFineTuned) step("Model card: it says that the model is fine-tuned since its conversion.");
  if (completed.length > 0) step(`Model card: ${list(completed)} filled in.`);
  if (missing.length > 0) {
    step(`Model card: it names no ${missing.join(" and no ")}; readers look for that at the top of ${CARD}.`);
  }
}

interface Outgoing {
  readonly source: FileSource;
  /** What lies there and stays behind. */
  readonly leftOut: readonly OmittedFile[];
}

/**
 * Leaves out of a folder what is not part of any model: hidden files, a training's state, data. Graphs and weights of every
 * format go along.
 * @throws CheckpointError for a link that leads out of it
 */
async function outgoing(source: FileSource): Promise<Outgoing> {
  const { omitted } = sortFiles(await readForSorting(source));
  const leftOut = omitted.filter(isNeverOpened);
  const files = new Map(source.files);
  for (const { path } of leftOut) files.delete(path);
  return { source: { ...source, files }, leftOut };
}
