import { stat } from "node:fs/promises";
import { CheckpointError } from "../base/errors.js";
import type { FileSource } from "./file-source.js";
import { openFolder } from "./folder.js";
import { putRight } from "./interrupted/put-right.js";
import { realPlace } from "./interrupted/real-place.js";
import { namedFolder } from "./named-folder.js";
import { withTransformerAtTop } from "./sentence-transformers/transformer-at-top.js";
import { withStandardJson } from "./standard-files.js";
import { watched } from "./watch.js";

export interface OpenSourceOptions {
  /** Hub branch, tag or commit. */
  readonly revision?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of waits, retries and of a cached commit that is used because the Hub is out of reach. */
  readonly onStep?: ((text: string) => void) | undefined;
  /** Give JSON files as they lie there: whoever verifies a folder wants to see what every reader of it sees. */
  readonly asFound?: boolean | undefined;
}

/**
 * Opens a model by what the user typed: a folder, or the config.json in it, if there is one of that name, else a Hub
 * model. A transformer in a subfolder of a sentence-transformers model is seen at the top, and JSON files read as every
 * reader takes them.
 * @throws CheckpointError or HubError if there is neither.
 */
export async function openSource(name: string, options: OpenSourceOptions = {}): Promise<FileSource> {
  const files = await watched(await openFiles(await namedFolder(name), options));
  const source = await withTransformerAtTop(files);
  return options.asFound ? source : withStandardJson(source);
}

async function openFiles(model: string, options: OpenSourceOptions): Promise<FileSource> {
  let found = await stat(model).catch(() => undefined);
  if (found === undefined) {
    // A run that was killed while it replaced the folder has left the old one aside.
    await putRight(await realPlace(model)).catch(() => {});
    found = await stat(model).catch(() => undefined);
  }
  if (found?.isDirectory()) return openFolder(model, options);
  if (found) {
    throw new CheckpointError(
      `${model} is a file`,
      "Name the folder that holds config.json and the weights.",
    );
  }
  if (/^[./~]|\\|\/.*\/|\/$/.test(model) && !model.startsWith("hf://")) {
    throw new CheckpointError(
      `there is no folder ${model}`,
      "Check the path, or name a Hub model as org/name.",
    );
  }
  // Only here: a conversion of a folder needs nothing of the Hub's client.
  const { openHub } = await import("./hub/open-hub.js");
  return openHub(model, options);
}
