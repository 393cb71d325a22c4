import { resolve } from "node:path";
import { HubError, OptionError, StoppedError } from "../base/errors.js";
import { type Progress, silent } from "../base/progress.js";
import { openFolder } from "../checkpoint/folder.js";
import { createHubClient } from "../checkpoint/hub/client.js";
import { readHubEnvironment } from "../checkpoint/hub/environment.js";
import { LOG_IN } from "../checkpoint/hub/errors.js";
import { parseHubReference } from "../checkpoint/hub/reference.js";
import { namedFolder } from "../checkpoint/named-folder.js";
import type { ConvertOptions, PushOptions } from "../options/options.js";
import { DEFAULT_SEED } from "../options/schemas.js";
import { type OpenedPush, type PushResult, pushFolder } from "../push/push-folder.js";
import { openRepository } from "../push/repository.js";
import { SecretsError } from "../push/secrets.js";
import { NotConvertedError } from "../verify/folder/kind.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { VERDICTS } from "../verify/verdict.js";
import { VerificationError } from "../verify/verification-error.js";
import type { Proof } from "./run-test.js";

export interface PushContext {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress;
  /** Told how far the verification is, where there is one. */
  readonly listener?: Listener | undefined;
}

/**
 * Pushes a folder to the Hub in one commit, once it has passed a verification.
 * @param folder what `lsg convert` wrote
 * @param name `org/name`, or `name` for a repository of the token's owner
 * @throws LsgError before anything is written, for whatever is wrong with the folder, the token or the repository.
 * @throws VerificationError if the folder falls short, or nothing proves that it does not.
 */
export async function push(
  folder: string,
  name: string,
  options: PushOptions,
  context: PushContext = {},
): Promise<PushResult> {
  const source = await openFolder(await namedFolder(folder));
  const opened = await openPush(name, options, context);
  const prove = options.verify ? () => proveFolder(folder, options, context) : undefined;
  return pushFolder(opened, source, { ...options, ...context, prove });
}

/** Pushes what a conversion has put in place. @param proof what `runTest` found; undefined: nobody asked */
type PushConverted = (output: string, proof: Proof | undefined) => Promise<PushResult>;

/**
 * Makes ready to push a conversion's result: what would stop the push is found before the conversion.
 * @throws HubError as `push` does
 */
export async function openPushTo(
  name: string,
  options: ConvertOptions,
  context: PushContext,
): Promise<PushConverted> {
  const opened = await openPush(name, options, context);
  return async (output, proof) => {
    const prove = proof && (async () => proof.report);
    const pushing = { ...options, ...context, prove, sealed: proof?.sealed };
    try {
      return await pushFolder(opened, await openFolder(resolve(output)), pushing);
    } catch (error) {
      const again = `${output} is converted all the same; lsg push ${output} ${opened.repository.id} tries again.`;
      if (context.signal?.aborted) throw new StoppedError(again, undefined, { cause: error });
      if (error instanceof SecretsError) throw new SecretsError(error.details.secrets, ` ${again}`);
      if (!(error instanceof HubError)) throw error;
      throw new HubError(error.message, [error.remedy, again].filter(Boolean).join(" "), { cause: error });
    }
  };
}

/**
 * Looks at the repository and changes nothing.
 * @throws HubError for a name, a token or a repository with which a push cannot succeed.
 */
async function openPush(
  name: string,
  options: Pick<PushOptions, "private">,
  { signal, progress = silent }: PushContext = {},
): Promise<OpenedPush> {
  const { repo, revision } = parseHubReference(name);
  if (revision !== undefined) {
    throw new OptionError(`${name}: a push goes to the branch main`, "Leave out what stands behind @.");
  }
  const environment = await readHubEnvironment();
  if (environment.offline) {
    throw new HubError("HF_HUB_OFFLINE is set: nothing can be pushed.", "Unset it.");
  }
  if (environment.token === undefined) {
    throw new HubError(
      "There is no access token, and nothing can be pushed without.",
      `Make one with write access at ${environment.endpoint}/settings/tokens, then ${LOG_IN}.`,
    );
  }
  const client = createHubClient(environment, { onStep: progress.step });
  const repository = await openRepository(client, repo, { private: options.private, signal });
  if (repository.exists && repository.id !== repo) progress.step(`Pushing to ${repository.id}`);
  return { client, repository };
}

/** @throws VerificationError for a verdict with which nothing is pushed */
async function proveFolder(
  name: string,
  { against, device }: PushOptions,
  { signal, listener, progress = silent }: PushContext,
): Promise<VerificationReport> {
  const { verify } = await import("./verify.js");
  const options = { against, device, seed: DEFAULT_SEED, json: false, quiet: true, listDevices: false };
  const verifying = verify(name, options, { signal, onStep: progress.step, ...listener });
  const report = await verifying.catch((error: unknown) => {
    if (!(error instanceof NotConvertedError)) throw error;
    throw new NotConvertedError(error.message, `${error.remedy}; --no-verify pushes it as it is.`);
  });
  if (!VERDICTS[report.verdict].isPushed) throw new VerificationError(report, "pushed");
  return report;
}
