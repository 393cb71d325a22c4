import { open, rename, rm } from "node:fs/promises";
import { OptionError } from "../base/errors.js";
import type { PredictOptions } from "../options/options.js";
import { findColumns, inputOf } from "../predict/data/columns.js";
import { placeOf, readAllRows } from "../predict/data/rows.js";
import { openNpy } from "../predict/npy.js";
import { openPredictor } from "../predict/open-predictor.js";
import type { Predicted, Predictor } from "../predict/predictor.js";
import { type AskedRow, recordOf } from "../predict/records.js";
import { asOutputError } from "../write/output-errors.js";

export interface PredictContext {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
  /** Takes one prediction as JSON has it; false where nobody reads on. */
  readonly emit: (record: Record<string, unknown>) => Promise<boolean>;
}

/** What became of the documents. */
export interface PredictSummary {
  readonly model: string;
  readonly kind: Predictor["kind"];
  readonly documents: number;
  /** Documents that were longer than the model reads, and were cut. */
  readonly cut: number;
  /** Tokens that the model reads at once; null where it reads windows of any text. */
  readonly max_length: number | null;
}

/** Where predictions go, one by one. */
interface Sink {
  take(predicted: Predicted<AskedRow>): Promise<boolean>;
  finish(): Promise<void>;
  /** After a failure: what was written is not left behind. */
  discard(): Promise<void>;
}

/**
 * Predicts of each document of some files, in their order.
 * @param model a folder, or a model on the Hub
 * @param paths of files; `-` for stdin
 * @throws LsgError for a model, file, document or device that cannot be used
 */
export async function predict(
  model: string,
  paths: readonly string[],
  options: PredictOptions,
  { signal, onStep, emit }: PredictContext,
): Promise<PredictSummary> {
  const predictor = await openPredictor(model, { ...options, signal, onStep });
  try {
    const sink = await openSink(predictor, options.output, { emit, namesFile: paths.length > 1 });
    let documents = 0;
    let cut = 0;
    try {
      for await (const predicted of predictor.predict(askedRows(predictor, paths, { ...options, signal }))) {
        documents += 1;
        cut += Number(predicted.read < predicted.tokens);
        if (!(await sink.take(predicted))) break;
      }
      await sink.finish();
    } catch (error) {
      await sink.discard();
      throw error;
    }
    const { kind, maxLength } = predictor;
    const name = predictor.model.checkpoint.source.name;
    return { model: name, kind, documents, cut, max_length: Number.isFinite(maxLength) ? maxLength : null };
  } finally {
    await predictor.close();
  }
}

async function* askedRows(
  { kind }: Predictor,
  paths: readonly string[],
  options: PredictOptions & { readonly signal: AbortSignal | undefined },
): AsyncGenerator<AskedRow> {
  let file: string | undefined;
  let columns: ReturnType<typeof findColumns> | undefined;
  for await (const row of readAllRows(paths, options)) {
    // Each file has columns of its own.
    if (!columns || row.file !== file) columns = findColumns(kind, row, options);
    file = row.file;
    yield { row, input: inputOf(row, columns), place: placeOf(row) };
  }
}

async function openSink(
  { kind, model }: Predictor,
  output: string | undefined,
  { emit, namesFile }: Pick<PredictContext, "emit"> & { readonly namesFile: boolean },
): Promise<Sink> {
  if (output === undefined) {
    return {
      take: (predicted) => emit(recordOf(predicted, { namesFile })),
      finish: async () => {},
      discard: async () => {},
    };
  }
  if (!output.endsWith(".npy")) return openJsonl(output, namesFile);
  if (kind !== "embedding" || model.modules?.output.perToken) {
    throw new OptionError(
      `--output ${output}: the model gives no vector for each document`,
      "Write JSONL: --output FILE.jsonl; or with --task feature-extraction embeddings.",
    );
  }
  const npy = await openNpy(output).catch((error: unknown) => {
    throw asOutputError(error, output);
  });
  return {
    async take({ prediction }) {
      if (prediction.kind === "embedding") await npy.add(prediction.embedding);
      return true;
    },
    finish: () => npy.finish(),
    discard: () => npy.discard(),
  };
}

async function openJsonl(output: string, namesFile: boolean): Promise<Sink> {
  const partial = `${output}.partial-${process.pid}`;
  const handle = await open(partial, "wx").catch((error: unknown) => {
    throw asOutputError(error, output);
  });
  return {
    async take(predicted) {
      await handle.write(`${JSON.stringify(recordOf(predicted, { namesFile }))}\n`);
      return true;
    },
    async finish() {
      await handle.close();
      await rename(partial, output);
    },
    async discard() {
      await handle.close();
      await rm(partial, { force: true });
    },
  };
}
