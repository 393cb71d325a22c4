import { posix } from "node:path";
import { CheckpointError } from "../base/errors.js";
import { pythonCommand, pythonText } from "../base/python-command.js";
import { isRecord } from "../json/json-edit.js";
import type { FileSource } from "./file-source.js";

const CONFIG = "config.json";

/** The config of checkpoints that Google published, and of pytorch-pretrained-bert after them. */
const OLDER_CONFIG = /^(bert|albert|electra)_config(_\w+)?\.json$/;

/** Folders that an error lists. */
const MAX_NAMED = 6;

/** TensorFlow's own checkpoints are three files of one name. */
const TENSORFLOW = /\.ckpt(-\d+)?\.(index|meta|data-\d+-of-\d+)$/;

/** Of a sentence-transformers model with an encoder for each kind of text. */
const ROUTER = "router_config.json";

/** The error for a folder without a config: what it is, and what to do with it. */
export function noConfig({ name, files }: FileSource): CheckpointError {
  const paths = [...files.keys()];
  const nested = paths.filter((path) => path.includes("/") && posix.basename(path) === CONFIG);
  if (files.has(ROUTER)) return severalEncoders(name, ROUTER, nested.filter(isWithWeights(files)));
  const tensorflow = paths.find((path) => TENSORFLOW.test(path));
  const older = paths.find((path) => OLDER_CONFIG.test(path));
  if (older !== undefined && tensorflow !== undefined) {
    return new CheckpointError(
      `${name} is a TensorFlow checkpoint in Google's layout (${older}, ${tensorflow})`,
      "With transformers 4, PyTorch and TensorFlow, in a copy of the folder run " +
        `${pythonCommand(readByTransformers(older, tensorflow.replace(/\.(index|meta|data-[\d-]+of-\d+)$/, "")))}, and convert the copy.`,
    );
  }
  if (older !== undefined) {
    return new CheckpointError(
      `${name} has no ${CONFIG}, but ${older}, as pytorch-pretrained-bert named it`,
      `Rename ${older} to ${CONFIG}; its model_type is found by the weights, or given with --model-type.`,
    );
  }
  const folders = nested.map((path) => `${posix.dirname(path)}/`);
  return new CheckpointError(`${name} has no ${CONFIG}`, whereOthersAre(folders));
}

function whereOthersAre(folders: readonly string[]): string {
  if (folders.length === 0)
    return "Name the folder that transformers' save_pretrained wrote, or a model on the Hub.";
  if (folders.length === 1)
    return `There is one in ${folders[0]}: name that folder, if it holds the transformer.`;
  const rest = folders.length - MAX_NAMED;
  const listed = folders.slice(0, MAX_NAMED).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  return `There are some in ${listed}: name the folder of the transformer that you mean.`;
}

/** Saved as .bin: of TensorFlow's matrices transformers makes transposed views, which safetensors refuses. */
function readByTransformers(config: string, checkpoint: string): string {
  return (
    "from transformers import BertConfig, BertForPreTraining, load_tf_weights_in_bert; " +
    `m = BertForPreTraining(BertConfig.from_json_file(${pythonText(config)})); ` +
    `load_tf_weights_in_bert(m, m.config, ${pythonText(checkpoint)}); m.save_pretrained(".", safe_serialization=False)`
  );
}

/** @throws CheckpointError for the config of sentence-transformers' Asym, the Router of versions before 5 */
export function refuseAsym({ name, files }: FileSource, config: Readonly<Record<string, unknown>>): void {
  if (!isRecord(config.types) || !isRecord(config.structure) || config.model_type !== undefined) return;
  const nested = [...files.keys()].filter(
    (path) => path.includes("/") && posix.basename(path) === CONFIG && isWithWeights(files)(path),
  );
  throw severalEncoders(name, CONFIG, nested);
}

/** A pooling layer has a config too. */
function isWithWeights(files: FileSource["files"]): (config: string) => boolean {
  return (config) =>
    [...files.keys()].some(
      (path) => posix.dirname(path) === posix.dirname(config) && /\.(safetensors|bin)$/.test(path),
    );
}

function severalEncoders(name: string, file: string, configs: readonly string[]): CheckpointError {
  const folders = configs.map((path) => `${posix.dirname(path)}/`);
  return new CheckpointError(
    `${name} is a sentence-transformers model with several encoders (${file}): ${folders.join(", ") || "none is here"}; ` +
      "lsg converts models with one",
    "Convert each encoder by itself: name its folder. The pooling behind them stays yours to put together.",
  );
}
