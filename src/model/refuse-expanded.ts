import { CheckpointError } from "../base/errors.js";
import { quote } from "../base/quote.js";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { tensorBytes } from "../safetensors/header.js";
import type { Model } from "./model.js";
import { strangersOf } from "./strangers.js";

/** Tensors that share a storage, as tied ones do, are written one by one: so often the whole of a file's bytes. */
const TIMES_FILES = 2;

/**
 * Bounds what the tensors that no config asks for are written as: in a PyTorch file a view of a few stored bytes can say
 * that it has gigabytes, and thousands of names can stand for one storage.
 * @throws CheckpointError that names the tensor, its storage, shape and strides
 */
export function refuseExpanded({ source, weightFiles }: Checkpoint, model: Model): void {
  const carried = strangersOf(model).map(({ tensor }) => tensor);
  for (const { sourceName, stored } of carried) {
    const { file, dtype, shape, strides, beyondStorage: storage } = stored;
    if (!storage) continue;
    throw new CheckpointError(
      `${file}: tensor ${quote(sourceName)} is ${dtype} [${shape}] with strides [${strides}], ${tensorBytes(dtype, shape)} bytes, ` +
        `and its storage ${quote(storage.key)} has ${storage.bytes}: no setting of config.json asks for it`,
      REMEDY,
    );
  }
  const bytes = carried.reduce((sum, { stored }) => sum + (tensorBytes(stored.dtype, stored.shape) ?? 0), 0);
  const inFiles = weightFiles.reduce((sum, { path }) => sum + (source.files.get(path)?.size ?? 0), 0);
  if (bytes <= TIMES_FILES * inFiles) return;
  throw new CheckpointError(
    `${weightFiles.map(({ path }) => path).join(", ")}: ${carried.length} tensors that ${model.source.className} does not have ` +
      `come to ${bytes} bytes, and the files to ${inFiles}: they share their storages`,
    REMEDY,
  );
}

const REMEDY = "Save the checkpoint again without them, in a copy of the folder.";
