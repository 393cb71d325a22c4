import { globalRowsRead } from "../attention/lsg.js";
import type { LsgConfig } from "../attention/lsg-config.js";
import { CheckpointError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import { baseTensor, findBase } from "../model/positions.js";
import type { ConversionOptions } from "../options/options.js";
import { fittingStride, type GlobalStart } from "./global-table.js";
import type { TokenIds } from "./place.js";
import type { UnreadGlobals } from "./types.js";

/** What global tokens start from, and which of it lsg chose instead of the source or the options. */
export interface ChosenStart {
  readonly start: GlobalStart;
  readonly chosen: UnreadGlobals;
}

/**
 * The words and positions that the table of global tokens starts from: the tokenizer's bos and mask tokens, else
 * config.json's. A row that the model does not read takes whatever fits, so that nobody is asked for unused values.
 * @throws CheckpointError for a row that is read, if no file tells the token's id or the embeddings have no such row
 */
export function globalStart(
  model: Model,
  lsg: LsgConfig,
  options: ConversionOptions,
  tokens: TokenIds,
): ChosenStart {
  const { architecture, tensors, config } = model;
  const { embeddings } = architecture.encoder;
  const { sourceName, stored } = baseTensor(tensors, embeddings.word);
  const words: Words = { tensor: sourceName, rows: stored.shape[0] ?? 0 };
  const { first: firstIsRead, others } = globalRowsRead(lsg);
  // Where any row is read, more may be wanted later: all rows are then made from real tokens.
  const isRead = firstIsRead || others;
  const saidBos =
    tokens.bos ?? config.bos_token_id ?? (architecture.decoder && config.decoder_start_token_id);
  const masks = [tokens.mask, config.mask_token_id];
  // Some summarisers have a tokenizer with a mask token and no embedding for it: it was never needed.
  const saidMask =
    masks.find((id) => isRow(id, words)) ??
    masks.find((id) => id !== undefined && !architecture.decoder) ??
    (architecture.decoder && saidBos);
  const keepsFirst = options.keepFirstGlobalToken && findBase(tensors, embeddings.global ?? "") !== undefined;
  const named: Said[] = [
    { kind: "bos", id: saidBos, token: tokens.named.bos, isRead: firstIsRead && !keepsFirst },
    {
      kind: "mask",
      id: saidMask,
      token: tokens.named.mask,
      isRead: isRead && !options.randomGlobalInit,
    },
  ];
  refuseUnknown(named, words);
  const known = (id: unknown) => (isRow(id, words) ? id : undefined);
  const bosId = known(saidBos) ?? 0;
  const maskId = known(saidMask) ?? bosId;
  const asked = options.globalPositionalStride;
  const stride = isRead ? asked : fittingStride(model.positions().maxLength, asked);
  return {
    start: { stride, bosId, maskId: options.randomGlobalInit ? undefined : maskId },
    chosen: {
      ...(bosId !== saidBos && !keepsFirst && { bos_token_id: bosId }),
      ...(maskId !== saidMask && !options.randomGlobalInit && { mask_token_id: maskId }),
      ...(stride !== asked && { global_positional_stride: stride }),
    },
  };
}

interface Words {
  readonly tensor: string;
  readonly rows: number;
}

interface Said {
  readonly kind: "bos" | "mask";
  /** By tokenizer or config.json; it may be anything. */
  readonly id: unknown;
  /** Its name, where the tokenizer's files have one. */
  readonly token: string | undefined;
  readonly isRead: boolean;
}

function isRow(id: unknown, { rows }: Words): id is number {
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0 && id < rows;
}

/** @throws CheckpointError for a token whose row is read and whose id is unknown or has no embedding */
function refuseUnknown(said: readonly Said[], words: Words): void {
  const missing = said.filter(({ id, isRead }) => isRead && typeof id !== "number");
  const [first] = missing;
  if (first) {
    throw new CheckpointError(
      first.token === undefined
        ? `the tokenizer's files name no ${first.kind} token, from which global tokens start`
        : `the tokenizer's files name ${JSON.stringify(first.token)} as ${first.kind} token, from which global tokens ` +
            "start, but none that can be read here gives it an id",
      `Give its id: --model-kwargs '{${missing.map(({ kind }) => `"${kind}_token_id": ID`).join(", ")}}'.`,
    );
  }
  const strange = said.find(({ id, isRead }) => isRead && !isRow(id, words));
  if (!strange) return;
  throw new CheckpointError(
    `the ${strange.kind} token has id ${strange.id}, but "${words.tensor}" has ${words.rows} rows`,
    "Tokenizer and weights belong to different models, or the vocabulary was changed without the weights.",
  );
}
