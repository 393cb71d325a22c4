import { OptionError } from "../base/errors.js";
import { largestIndex, largestOf } from "../base/extremes.js";
import { type Aggregation, DEFAULT_NEW_TOKENS, DEFAULT_TOP_K, type Reading } from "../options/reading.js";
import type { AlignedTokens } from "../runtime/text-tokenizer.js";
import { findSpecialTokens } from "../tokenizer/special-tokens.js";
import type { SpecialToken } from "../tokenizer/vocabulary.js";
import { answerOf } from "./answers.js";
import { activationOf, classesOf, softmax } from "./classes.js";
import { entitiesOf, wordLabels } from "./entities.js";
import { withMaskToken } from "./masks.js";
import type { Pieces } from "./pieces.js";
import { normalised, pooled, poolingOf } from "./pooling.js";
import type { Asked, Predicted, Predictor, RowOutputs, TokenRow } from "./predictor.js";
import { stitched, weightedMean } from "./stitch.js";
import type { FilledMask, ModelInput, Prediction } from "./types.js";

/** How documents are read, and what is told of them. */
export interface DocumentOptions {
  /** What becomes of a document that is longer than the model reads; cut by default. */
  readonly reading?: Reading | undefined;
  /** Words for each mask. */
  readonly topK?: number | undefined;
  readonly aggregation?: Aggregation | undefined;
  /** Tokens of the longest answer. */
  readonly maxAnswerTokens?: number | undefined;
  /** Whether a question may have no answer. */
  readonly allowNoAnswer?: boolean | undefined;
  /** Tokens of the longest text that is written. */
  readonly maxNewTokens?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is read ahead to run rows of like lengths together. */
const MAX_DOCUMENTS = 64;
const MAX_TOKENS = 32_768;

/** A document on its way. */
interface Document<T extends Asked> {
  readonly asked: T;
  readonly input: ModelInput;
  /** One for each choice, else one. */
  readonly texts: readonly { readonly tokens: AlignedTokens; readonly pieces: Pieces }[];
}

/** See `Predictor.predict`. */
export async function* predictDocuments<T extends Asked>(
  predictor: Predictor,
  asked: AsyncIterable<T> | Iterable<T>,
  options: DocumentOptions,
): AsyncGenerator<Predicted<T>> {
  if (predictor.kind === "text" && options.reading === "chunks") {
    throw new OptionError(
      "--reading chunks: a text is written behind one input",
      "Read it in windows (--reading windows), which a decoder sees together; or leave --reading out.",
    );
  }
  const mask = predictor.kind === "words" ? await maskOf(predictor) : undefined;
  let group: Document<T>[] = [];
  let tokens = 0;
  const prepared = preparedDocuments(predictor, asked, mask, options);
  try {
    for (let isOver = false; !isOver; ) {
      let failure: { readonly error: unknown } | undefined;
      try {
        const next = await prepared.next();
        isOver = next.done === true;
        if (!next.done) {
          group.push(next.value);
          tokens += next.value.texts.reduce((sum, text) => sum + text.tokens.ids.length, 0);
        }
      } catch (error) {
        failure = { error };
      }
      const isFull = group.length >= MAX_DOCUMENTS || tokens >= MAX_TOKENS;
      // What stands before a document that cannot be read is answered all the same.
      if (!isFull && !isOver && !failure) continue;
      options.signal?.throwIfAborted();
      yield* answered(predictor, group, mask, options);
      [group, tokens] = [[], 0];
      if (failure) throw failure.error;
    }
  } finally {
    // Whoever stops reading stops the reading of data too.
    await prepared.return(undefined);
  }
}

async function* preparedDocuments<T extends Asked>(
  predictor: Predictor,
  asked: AsyncIterable<T> | Iterable<T>,
  mask: SpecialToken | undefined,
  options: DocumentOptions,
): AsyncGenerator<Document<T>> {
  for await (const one of asked) {
    options.signal?.throwIfAborted();
    yield await prepare(predictor, one, mask, options);
  }
}

async function prepare<T extends Asked>(
  predictor: Predictor,
  asked: T,
  mask: SpecialToken | undefined,
  { reading }: DocumentOptions,
): Promise<Document<T>> {
  const { maxLength, padId, kind } = predictor;
  const input = mask ? withMask(asked.input, mask) : asked.input;
  requireKind(kind, input, asked.place);
  const found = await predictor.tokenize(input);
  const isPair = input.kind === "choices" || (input.kind === "text" && input.pair !== undefined);
  const texts = found.map((aligned) => {
    // A text of no token at all is one of padding: nothing to be told apart from.
    const tokens = aligned.ids.length > 0 ? aligned : oneToken(padId);
    if (tokens.ids.length > maxLength && reading === "refuse") {
      throw new OptionError(
        `${asked.place ?? "the document"} has ${tokens.ids.length} tokens, and the model reads ${maxLength}`,
        "Cut it (--reading cut), read it in windows (--reading windows), or convert the model to read more.",
      );
    }
    return { tokens, pieces: predictor.pieces(tokens, isPair) };
  });
  return { asked, input, texts };
}

function oneToken(id: number): AlignedTokens {
  return { ids: [id], types: [0], sources: [-1], starts: [0], ends: [0], words: [-1], continues: [false] };
}

function requireKind(kind: Predictor["kind"], input: ModelInput, place = "the document"): void {
  const isChoices = input.kind === "choices";
  if (isChoices !== (kind === "choice")) {
    throw new OptionError(
      isChoices
        ? `${place} has several choices, and the model takes a text or two`
        : `${place} has no choices, of which the model takes one`,
    );
  }
  if (kind === "answer" && !(input.kind === "text" && input.pair !== undefined)) {
    throw new OptionError(`${place} is no question with its context, which the model reads`);
  }
}

/** The prediction of each document of a group, whose rows were run together. */
async function* answered<T extends Asked>(
  predictor: Predictor,
  group: readonly Document<T>[],
  mask: SpecialToken | undefined,
  options: DocumentOptions,
): AsyncGenerator<Predicted<T>> {
  const { kind } = predictor;
  const isAlone = kind === "words" || kind === "text";
  const rows = isAlone ? [] : group.flatMap(({ texts }) => texts.flatMap(rowsOf));
  const outputs = await predictor.outputs(rows, outputNames(predictor, group));
  let done = 0;
  for (const document of group) {
    const own = isAlone
      ? []
      : document.texts.map(({ pieces: { pieces } }) => {
          const found = outputs.slice(done, done + pieces.length);
          done += pieces.length;
          return found;
        });
    const longest = largestOf(document.texts.map(({ tokens }) => tokens.ids.length));
    const read = largestOf(
      document.texts.map(({ pieces: { owners } }) =>
        owners.reduce((sum, owner) => sum + Number(owner >= 0), 0),
      ),
    );
    const prediction = await predictionOf(predictor, document, own, mask, options);
    yield { asked: document.asked, prediction, tokens: longest, read };
  }
}

/** Hidden states are large: they are kept where something is made of them. */
function outputNames({ model, kind }: Predictor, group: readonly Document<Asked>[]): string[] | undefined {
  if (kind !== "embedding" || !model.modules) return undefined;
  const isSplit = group.some(({ texts }) => texts.some(({ pieces }) => pieces.pieces.length > 1));
  return [model.modules.output.name, ...(isSplit ? ["last_hidden_state"] : [])];
}

function rowsOf({ tokens, pieces }: Document<Asked>["texts"][number]): TokenRow[] {
  return pieces.pieces.map(({ places }) => rowOf(tokens, places));
}

function rowOf({ ids, types }: AlignedTokens, places: readonly number[]): TokenRow {
  return { ids: places.map((i) => ids[i] ?? 0), types: places.map((i) => types[i] ?? 0) };
}

/** @param outputs of each text's pieces */
async function predictionOf(
  predictor: Predictor,
  { input, texts }: Document<Asked>,
  outputs: readonly (readonly RowOutputs[])[],
  mask: SpecialToken | undefined,
  options: DocumentOptions,
): Promise<Prediction> {
  const { kind, labels, model } = predictor;
  const [first] = texts;
  if (!first) return { kind: "choice", choice: 0, scores: [] };
  const { tokens, pieces } = first;
  const own = outputs[0] ?? [];
  const isRead = (token: number) => (pieces.owners[token] ?? -1) >= 0;
  switch (kind) {
    case "classes": {
      const logits = meanOf(own, "logits");
      return { kind, labels: classesOf(logits, labels, activationOf(model, labels.length)) };
    }
    case "choice": {
      const scores = softmax(outputs.map((one) => meanOf(one, "logits")[0] ?? 0));
      return { kind, choice: largestIndex(Float32Array.from(scores)), scores: [...scores] };
    }
    case "entities": {
      const logits = stitched(pieces, named(own, "logits"));
      if (input.kind === "words") {
        return { kind, ...wordLabels(logits, labels, { tokens, words: input.words, isRead }) };
      }
      const text = input.kind === "text" ? input.text : "";
      const { aggregation = "first" } = options;
      return {
        kind,
        entities: entitiesOf(logits, labels, { tokens, text, aggregation, isRead }),
        labels: undefined,
      };
    }
    case "answer": {
      const [start, end] = ["start_logits", "end_logits"].map((name) => {
        const found = named(own, name);
        const all = stitched(pieces, found).values.slice();
        // No answer is said only where every part says so.
        all[0] = Math.min(...found.map(({ values }) => values[0] ?? 0));
        return all;
      });
      const context = input.kind === "text" ? (input.pair ?? "") : "";
      const { maxAnswerTokens: maxTokens, allowNoAnswer: mayBeNone } = options;
      const answer = answerOf(start as Float32Array, end as Float32Array, {
        ...{ tokens, context, isRead, maxTokens, mayBeNone },
      });
      return { kind, answer };
    }
    case "embedding":
      return embeddingOf(predictor, pieces, own);
    case "words":
      return { kind, masks: await fill(predictor, first, mask, options.topK ?? DEFAULT_TOP_K) };
    case "text": {
      const row = rowOf(tokens, pieces.pieces[0]?.places ?? []);
      const ids = await predictor.write(row, options.maxNewTokens ?? DEFAULT_NEW_TOKENS);
      return { kind, text: ids.length > 0 ? await predictor.tokenizer.decode(ids) : "" };
    }
  }
}

function named(outputs: readonly RowOutputs[], name: string) {
  return outputs.flatMap((one) => one[name] ?? []);
}

/** Of the pieces of a document the mean of their logits. */
function meanOf(outputs: readonly RowOutputs[], name: string): Float32Array {
  const vectors = named(outputs, name).map(({ values }) => values);
  return weightedMean(
    vectors,
    vectors.map(() => 1),
  );
}

/**
 * One vector of a document; of one in pieces what the model's pooling makes of all its tokens, or, where more follows than
 * that, the mean of the pieces' vectors by the tokens that they own.
 */
function embeddingOf({ model }: Predictor, pieces: Pieces, outputs: readonly RowOutputs[]): Prediction {
  const { modules } = model;
  if (modules?.output.perToken) {
    const { dims, values } = stitched(pieces, named(outputs, modules.output.name));
    return { kind: "token embeddings", embeddings: values, width: dims[1] ?? 0 };
  }
  const whole = modules && named(outputs, modules.output.name);
  if (whole && whole.length === 1) {
    return { kind: "embedding", embedding: whole[0]?.values ?? new Float32Array(0) };
  }
  const plan = poolingOf(model);
  if (plan) {
    const isRead = (token: number) => (pieces.owners[token] ?? -1) >= 0;
    const states = stitched(pieces, named(outputs, "last_hidden_state"));
    return { kind: "embedding", embedding: pooled(states, plan, isRead) };
  }
  const owned = pieces.pieces.map((_, i) =>
    pieces.owners.reduce((sum, owner) => sum + Number(owner === i), 0),
  );
  const mean = weightedMean(
    (whole ?? []).map(({ values }) => values),
    owned,
  );
  const isUnit = modules?.steps.at(-1)?.kind === "normalize";
  return { kind: "embedding", embedding: isUnit ? normalised(mean) : mean };
}

/** The likeliest words for each mask, in its own piece. */
async function fill(
  predictor: Predictor,
  { tokens, pieces }: Document<Asked>["texts"][number],
  mask: SpecialToken | undefined,
  count: number,
): Promise<FilledMask[]> {
  const masks: FilledMask[] = [];
  for (const [i, { places }] of pieces.pieces.entries()) {
    const asked = [...places.keys()].filter((at) => {
      const place = places[at] ?? 0;
      return tokens.ids[place] === mask?.id && pieces.owners[place] === i;
    });
    if (asked.length === 0) continue;
    const { dims, values } = await predictor.wordScores(rowOf(tokens, places), asked);
    const [, vocab = 0] = dims;
    // Behind the scores of the first token, which heads may look at.
    for (let one = 1; one <= asked.length; one++) {
      const chances = softmax(values.subarray(one * vocab, (one + 1) * vocab));
      const best = largest(chances, count);
      const words = await predictor.tokenizer.tokens(best);
      masks.push(best.map((id, rank) => ({ word: words[rank] ?? "", id, score: chances[id] ?? 0 })));
    }
  }
  return masks;
}

function largest(chances: Float64Array, count: number): number[] {
  return [...chances.keys()].sort((a, b) => (chances[b] ?? 0) - (chances[a] ?? 0)).slice(0, count);
}

async function maskOf({ model }: Predictor): Promise<SpecialToken> {
  const { mask } = findSpecialTokens(await model.contents(), model.architecture.tokenizerClass);
  if (mask) return mask;
  throw new OptionError(
    `${model.checkpoint.source.name} fills masks, and its tokenizer has no token for one`,
    "Name mask_token in its tokenizer_config.json.",
  );
}

function withMask(input: ModelInput, { token }: SpecialToken): ModelInput {
  if (input.kind !== "text") return input;
  return { ...input, text: withMaskToken(input.text, token) };
}
