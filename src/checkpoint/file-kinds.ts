import { posix } from "node:path";

/** Kinds of files that are not part of a model, whichever it is. */
export type FileKind = (typeof KINDS)[number]["kind"];

export const HIDDEN = "hidden files and caches";
export const TRAINING = "state of a training";
export const ODD_NAMES = "names that not every system takes";
export const EXPORTS = "exports and weights of other libraries";

/** Names that Windows keeps for devices and streams, or cuts an ending off. */
const NOT_OF_WINDOWS = [
  /^(con|prn|aux|nul|con(in|out)\$|(com|lpt)[\d¹²³])\s*(\.|$)/i,
  /[<>:"|?*\\\p{Cc}]|^\p{Z}|[.\p{Z}]$/u,
];

/** What shows a name otherwise than it is spelled. */
const TURNED = /\p{Bidi_Control}/u;

/** The table of those kinds, by a file's path; the first one that fits counts. */
const KINDS = [
  // Whatever stands for .git on some disk as well: short names of NTFS, and characters that HFS+ doesn't see.
  {
    kind: HIDDEN,
    names: [
      /^\.(?!gitattributes$)/i,
      /^(git|gitmod|gi[0-9a-f]{4})~\d+[. ]*$/i,
      // What makes git take a folder for a repository, and run what its config says.
      /^(HEAD|commondir|gitdir|packed-refs)$/i,
      /^(Thumbs\.db|desktop\.ini)$/i,
      /\.pyc$/,
    ],
    folders: [/^\./, /^git~\d+/i, /^(__pycache__|node_modules)$/],
  },
  { kind: ODD_NAMES, names: NOT_OF_WINDOWS, folders: NOT_OF_WINDOWS },
  {
    kind: TRAINING,
    names: [
      /^(optimizer|scheduler|scaler|sampler|pytorch_model_fsdp)(_\d+)?\.(pt|pth|bin|safetensors|npz)$/i,
      /^rng_state/i,
      /^(random_states|custom_checkpoint)_\d+\.pkl$/i,
      /^(zero_to_fp32\.py|latest|training_args\.bin|trainer_state\.json)$/i,
      /^events\.(?!.*py$)/i,
      /_(model|optim)_states\.pt$/i,
    ],
    folders: [
      /^checkpoint-./i,
      /^(runs|wandb|lightning_logs|mlruns)$/i,
      /^global_step\d+$/i,
      /^(pytorch_model|optimizer)_(fsdp.*|\d+)$/i,
    ],
  },
  {
    kind: EXPORTS,
    names: [
      /^openvino_/i,
      /^ggml-.*\.bin$/i,
      /^(tf_model.*\.h5|flax_model.*\.msgpack)(\.index\.json)?$/i,
      /^(rust_model\.ot|saved_model\.pb|checkpoint)$/i,
      /\.(onnx([._]data)?(_\d+)?|ort|gguf|tflite|mlmodel|pte|engine|ckpt|keras|nemo|mar|pt2|mnn)$/i,
      /\.ckpt(-\d+)?\.(index|meta|data-\d+-of-\d+)$/i,
    ],
    folders: [/^(onnx|openvino|coreml|tflite|saved_model)$/i, /\.(mlpackage|mlmodelc)$/i],
  },
] as const;

/** Tables; small ones that a config or the code names belong to the model. */
export const TABLE = /\.(csv|tsv|jsonl|ndjson|parquet|arrow|feather)(\.(gz|gzip|bz2|xz|zst|zip))?$/i;

/** The most bytes that a name may have, on nearly every file system. */
const MAX_NAME_BYTES = 255;

/** Characters that are not seen, and that some file systems do not see either. */
const UNSEEN = /\p{Cf}/gu;

/** The kind of a file that is not part of a model by its path; a folder that is not looked into ends with a slash. */
export function kindOfPath(path: string): FileKind | undefined {
  const parts = path.replace(UNSEEN, "").split("/");
  const name = parts.pop() ?? "";
  if (path.split("/").some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) return ODD_NAMES;
  const found = KINDS.find(
    ({ names, folders }) =>
      (name !== "" && names.some((pattern) => pattern.test(name))) ||
      parts.some((part) => folders.some((pattern) => pattern.test(part))),
  );
  return found?.kind ?? (TURNED.test(path) ? ODD_NAMES : undefined);
}

/** Whether a file can have a name, everywhere and to be seen. */
export function isPlainName(name: string): boolean {
  const kind = kindOfPath(name);
  return name !== "" && !name.includes("/") && kind !== HIDDEN && kind !== ODD_NAMES;
}

export function isHidden(path: string): boolean {
  return kindOfPath(path) === HIDDEN;
}

/**
 * Of paths that some file system takes for the same one, or for a file and a folder of one name, those that give way: to
 * what loaders look for, which is in small letters but for the card, and at the top.
 */
export function collisions(paths: Iterable<string>): Set<string> {
  const taken = new Map<string, string>();
  const yielding = new Set<string>();
  for (const path of [...paths].sort(byPrecedence)) {
    const folded = foldedPath(path);
    if (taken.has(folded)) yielding.add(path);
    else taken.set(folded, path);
  }
  for (const [folded, path] of taken) {
    for (let at = posix.dirname(folded); at !== "."; at = posix.dirname(at)) {
      if (taken.has(at)) yielding.add(path);
    }
  }
  return yielding;
}

function foldedPath(path: string): string {
  return path.replace(UNSEEN, "").normalize("NFC").toLowerCase();
}

function byPrecedence(a: string, b: string): number {
  const rank = (path: string) => (path === "README.md" || path === path.toLowerCase() ? 0 : 1);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}
