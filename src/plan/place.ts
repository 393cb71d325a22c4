import type { Architecture } from "../architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { CheckpointError } from "../errors.js";
import type { ConversionOptions } from "../options.js";
import { type FloatDtype, isFloatDtype, widerDtype } from "../safetensors/dtype.js";
import { GLOBAL_TABLE_ROWS } from "../variants/lsg-config.js";
import { globalTable } from "./global-table.js";
import type { SourceTensor, SourceTensors } from "./names.js";
import { type PositionTable, positionOffset, tilePositions } from "./positions.js";
import type { Reconciliation } from "./reconcile.js";
import type { PlacedDraft } from "./shards.js";
import { copyOf } from "./tensors.js";
import type { DroppedTensor, TensorDraft } from "./types.js";

/** Ids of the tokens that global tokens start from, as the tokenizer's files say. */
export interface TokenIds {
  readonly bos: number | undefined;
  readonly mask: number | undefined;
}

export interface PlaceInputs {
  readonly architecture: Architecture;
  readonly tensors: SourceTensors;
  readonly reconciled: Reconciliation;
  readonly positions: PositionTable;
  readonly length: number;
  /** How to make the global table; undefined to leave the one that is there alone. */
  readonly globals: GlobalInputs | undefined;
}

interface GlobalInputs {
  readonly options: ConversionOptions;
  readonly tokens: TokenIds;
  readonly config: Config;
}

/** Every tensor of the result, at the place in the source's files where it belongs. */
export function place(inputs: PlaceInputs): { placed: PlacedDraft[]; dropped: DroppedTensor[] } {
  const { architecture, tensors, reconciled, positions, length, globals } = inputs;
  const { embeddings } = architecture.encoder;
  const gone = new Set(reconciled.dropped.map(({ name }) => name));
  const staying = [...tensors.values()].filter(({ sourceName }) => !gone.has(sourceName));
  const position = baseTensor(tensors, `${embeddings.position}.weight`);
  const globalName = position.name.replace(embeddings.position, embeddings.global);
  const oldGlobals = tensors.get(globalName);

  const placed = staying
    .filter((tensor) => tensor !== position && (tensor !== oldGlobals || !globals))
    .map((tensor) => ({ at: tensor.stored, draft: copyOf(tensor) }));
  placed.push({ at: position.stored, draft: tiledPositions(position, positions, length) });
  if (globals) {
    const draft = globalDraft(globalName, oldGlobals, globals, inputs);
    placed.push({ at: position.stored, draft });
  }
  const last = staying.reduce((a, b) => (isBehind(b, a) ? b : a), position).stored;
  placed.push(...[...reconciled.created, ...reconciled.repeated].map((draft) => ({ at: last, draft })));

  const replaced = oldGlobals && globals && !globals.options.keepFirstGlobalToken;
  const reason = "made anew from word and position embeddings; --resize-lsg keeps it";
  return { placed, dropped: replaced ? [{ name: oldGlobals.sourceName, reason }] : [] };
}

function isBehind({ stored: a }: SourceTensor, { stored: b }: SourceTensor): boolean {
  return a.file === b.file ? a.begin > b.begin : a.file > b.file;
}

/** @throws CheckpointError if the table has no position besides the offset rows. */
export function positionTable(
  tensors: SourceTensors,
  architecture: Architecture,
  config: Config,
): PositionTable {
  const { sourceName, stored } = baseTensor(tensors, `${architecture.encoder.embeddings.position}.weight`);
  const offset = positionOffset(architecture, config);
  const usable = (stored.shape[0] ?? 0) - offset;
  if (usable < 1) {
    throw new CheckpointError(
      `${stored.file}: tensor "${sourceName}" has ${stored.shape[0]} rows, ${offset} of which are no positions`,
      "Check pad_token_id in config.json: positions begin one row behind it.",
    );
  }
  return { tensor: sourceName, offset, usable };
}

function tiledPositions({ name, stored }: SourceTensor, table: PositionTable, length: number): TensorDraft {
  const shape = [table.offset + length, ...stored.shape.slice(1)];
  return { name, dtype: stored.dtype, shape, segments: tilePositions(table, length) };
}

function globalDraft(
  name: string,
  old: SourceTensor | undefined,
  { options, tokens, config }: GlobalInputs,
  { architecture, tensors, positions }: PlaceInputs,
): TensorDraft {
  const { embeddings } = architecture.encoder;
  const word = baseTensor(tensors, `${embeddings.word}.weight`);
  const types =
    embeddings.usesTokenTypes && options.useTokenIds && embeddings.tokenType !== undefined
      ? baseTensor(tensors, `${embeddings.tokenType}.weight`)
      : undefined;
  const kept = options.keepFirstGlobalToken ? old : undefined;
  const position = baseTensor(tensors, `${embeddings.position}.weight`);
  const segments = globalTable({
    positions,
    stride: options.globalPositionalStride,
    wordEmbeddings: word.sourceName,
    bosId: tokenId("bos", tokens.bos ?? config.bos_token_id, word),
    maskId: options.randomGlobalInit ? undefined : tokenId("mask", tokens.mask ?? config.mask_token_id, word),
    seed: options.seed,
    tokenTypes: types?.sourceName,
    keepFirstOf: kept?.sourceName,
  });
  const parts = [position, word, ...(types ? [types] : []), ...(kept ? [kept] : [])];
  return {
    name,
    dtype: parts.map(floatDtype).reduce(widerDtype),
    shape: [GLOBAL_TABLE_ROWS, ...position.stored.shape.slice(1)],
    segments,
  };
}

function tokenId(kind: "bos" | "mask", id: unknown, word: SourceTensor): number {
  if (typeof id !== "number") {
    throw new CheckpointError(
      `the tokenizer's files name no ${kind} token, from which global tokens start`,
      `Give its id: --model-kwargs '{"${kind}_token_id": ID}'.`,
    );
  }
  const rows = word.stored.shape[0] ?? 0;
  if (!Number.isSafeInteger(id) || id < 0 || id >= rows) {
    throw new CheckpointError(
      `the ${kind} token has id ${id}, but "${word.sourceName}" has ${rows} rows`,
      "Tokenizer and weights belong to different models, or the vocabulary was changed without the weights.",
    );
  }
  return id;
}

function floatDtype({ sourceName, stored }: SourceTensor): FloatDtype {
  if (isFloatDtype(stored.dtype)) return stored.dtype;
  throw new CheckpointError(
    `${stored.file}: tensor "${sourceName}" is ${stored.dtype}; embeddings must be F32, F16, BF16 or F64`,
    "Convert the model before it is quantised.",
  );
}

function baseTensor(tensors: SourceTensors, baseName: string): SourceTensor {
  for (const tensor of tensors.values()) if (tensor.baseName === baseName) return tensor;
  throw new CheckpointError(`tensor "${baseName}" is missing`, "The checkpoint is incomplete.");
}
