import { stacksOf } from "../architectures/architecture.js";
import { GLOBAL_TABLE_ROWS } from "../attention/lsg-config.js";
import { CheckpointError, OptionError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import type { SourceTensor } from "../model/names.js";
import { baseTensor, findBase, positionTable } from "../model/positions.js";
import { typeTables } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import { type FloatDtype, isFloatDtype, widerDtype } from "../safetensors/dtype.js";
import type { TokenIdMap } from "../tokenizer/add-tokens.js";
import { type GlobalStart, globalTable } from "./global-table.js";
import { type Lengthening, lengthenPositions } from "./positions.js";
import type { Reconciliation } from "./reconcile.js";
import type { PlacedDraft } from "./shards.js";
import { copyOf } from "./tensors.js";
import type { DroppedTensor, TensorDraft } from "./types.js";

/** Ids of the tokens that global tokens start from, as the tokenizer's files say. */
export interface TokenIds {
  readonly bos: number | undefined;
  readonly mask: number | undefined;
  /** Those of the two that the files name, with an id or without. */
  readonly named: { readonly bos: string | undefined; readonly mask: string | undefined };
  /** What stands between a question and its text. */
  readonly separator?: number | undefined;
  /** The tokens of `--add-tokens`, and which of them the tokenizer did not have. */
  readonly asked?: { readonly ids: TokenIdMap; readonly added: readonly string[] } | undefined;
}

export interface PlaceInputs {
  readonly model: Model;
  readonly reconciled: Reconciliation;
  readonly length: number;
  /** Positions whose rows stay the source's own where they could be computed. */
  readonly keptPositions: number;
  readonly lengthening: Lengthening;
  /** How to make the global table; undefined to keep the existing one. */
  readonly globals: GlobalInputs | undefined;
}

interface GlobalInputs {
  readonly options: ConversionOptions;
  readonly start: GlobalStart;
}

/** Every tensor of the result, at the place in the source's files where it belongs. */
export function place(inputs: PlaceInputs): { placed: PlacedDraft[]; dropped: DroppedTensor[] } {
  const { model, reconciled, globals } = inputs;
  const { architecture, tensors } = model;
  const { embeddings } = architecture.encoder;
  const gone = new Set(reconciled.dropped.map(({ name }) => name));
  const staying = [...tensors.values()].filter(({ sourceName }) => !gone.has(sourceName));
  const word = baseTensor(tensors, embeddings.word);
  const nameInResult = (module: string) => word.name.replace(embeddings.word, module);
  const modules = stacksOf(architecture).map((stack) => stack.embeddings.position);
  const tables = modules.map((module) => findBase(tensors, module));
  if (embeddings.global === undefined) {
    throw new OptionError(
      `--to lsg: ${architecture.title} has no LSG variant`,
      "Use --to longformer, or convert the model that it was made from.",
    );
  }
  const globalName = nameInResult(embeddings.global);
  const oldGlobals = tensors.get(globalName);

  const placed = staying
    .filter((tensor) => !tables.includes(tensor) && (tensor !== oldGlobals || !globals))
    .map((tensor) => ({ at: tensor.stored, draft: copyOf(tensor) }));
  for (const [i, module] of modules.entries()) {
    const draft = longTable(nameInResult(module), module, inputs);
    placed.push({ at: (tables[i] ?? word).stored, draft });
  }
  if (globals) {
    const draft = globalDraft(globalName, oldGlobals, globals, model);
    placed.push({ at: (tables[0] ?? word).stored, draft });
  }
  placed.push(...behindLast(staying, [...reconciled.created, ...reconciled.implied]));

  const replaced = oldGlobals && globals && !globals.options.keepFirstGlobalToken;
  const reason = "made anew from word and position embeddings; --resize-lsg keeps it";
  return { placed, dropped: replaced ? [{ name: oldGlobals.sourceName, reason }] : [] };
}

/** New tensors, behind all that the source has. */
export function behindLast(staying: readonly SourceTensor[], drafts: readonly TensorDraft[]): PlacedDraft[] {
  const [last] = [...staying].sort((a, b) => (isBehind(a, b) ? -1 : 1));
  return last ? drafts.map((draft) => ({ at: last.stored, draft })) : [];
}

function isBehind({ stored: a }: SourceTensor, { stored: b }: SourceTensor): boolean {
  return a.file === b.file ? a.begin > b.begin : a.file > b.file;
}

function longTable(name: string, module: string, inputs: PlaceInputs): TensorDraft {
  const { model, length, keptPositions, lengthening } = inputs;
  const table = positionTable(model, module);
  const segments = lengthenPositions(table, length, { ...lengthening, kept: keptPositions });
  // A tensor that is wholly computed does not keep a source's precision.
  const isCopied = segments.some(({ kind }) => kind === "copy");
  const dtype = isCopied ? baseTensor(model.tensors, module).stored.dtype : "F32";
  return { name, dtype, shape: [table.offset + length, model.sizes.embedding], segments };
}

function globalDraft(
  name: string,
  old: SourceTensor | undefined,
  { options, start }: GlobalInputs,
  model: Model,
): TensorDraft {
  const { architecture, tensors, sizes } = model;
  const { embeddings } = architecture.encoder;
  const word = baseTensor(tensors, embeddings.word);
  const types =
    embeddings.types.kind !== "first row" && options.useTokenIds
      ? typeTables(architecture, sizes).map(({ table }) => baseTensor(tensors, table))
      : [];
  const kept = options.keepFirstGlobalToken ? old : undefined;
  const segments = globalTable({
    ...start,
    positions: model.positions(),
    wordEmbeddings: word.sourceName,
    seed: options.seed,
    types: types.map(({ sourceName }) => sourceName),
    keepFirstOf: kept?.sourceName,
  });
  const position = findBase(tensors, embeddings.position);
  const dtypes = [word, ...types, kept, position].flatMap((part) => (part ? [floatDtype(part)] : []));
  return {
    name,
    dtype: [...dtypes, ...(position ? [] : ["F32" as const])].reduce(widerDtype),
    shape: [GLOBAL_TABLE_ROWS, sizes.embedding],
    segments,
  };
}

function floatDtype({ sourceName, stored }: SourceTensor): FloatDtype {
  if (isFloatDtype(stored.dtype)) return stored.dtype;
  throw new CheckpointError(
    `${stored.file}: tensor "${sourceName}" is ${stored.dtype}; embeddings must be F32, F16, BF16 or F64`,
    "Convert the model before it is quantised.",
  );
}
