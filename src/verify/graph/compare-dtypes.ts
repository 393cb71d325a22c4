import { posix } from "node:path";
import { SCORES_FOR_ALL } from "../../attention/score-memory.js";
import { borderOf } from "../../attention/variants.js";
import { inDtype, type SmallDtype } from "../../base/graph-dtypes.js";
import { GRAPH_FILE } from "../../checkpoint/graph-files.js";
import type { Model } from "../../model/model.js";
import { DEFAULT_SEED } from "../../options/schemas.js";
import { inThisProcess } from "../../runtime/graph-host.js";
import { inputSource } from "../../runtime/input-source.js";
import { type OpenRunnable, openRunnable, type RunnableOptions } from "../../runtime/open-runnable.js";
import type { Runtime } from "../../runtime/runtime.js";
import { openTokenizer } from "../../runtime/text-tokenizer.js";
import { openWorkspace } from "../../runtime/workspace.js";
import { SAMPLE_TEXT } from "../sample-text.js";
import { leastCosine, summedCloseness } from "./closeness.js";
import { compareGeneration } from "./compare-generation.js";
import { compareWhole, exportedFor } from "./compare-whole.js";
import { inSession, type OutputCheck } from "./graph-check.js";

/** Tokens of short texts. */
const SHORT = [8, 40, 128];

/** Attention of blocks is itself from two of them on; so many tokens take seconds, and more would tell no more of a dtype. */
const LONGEST = 2048;

/** Tokens that an encoder reads for a decoder. */
const DECODER_LENGTHS = [8, 40];

/** How near a dtype's graphs come to float32. */
export interface DtypeCloseness {
  /** Between what all inputs give in both; of the output that has turned most. */
  readonly cosine: number;
  /** What it has to be. */
  readonly least: number;
}

/** A model in float32, beside which graphs in other dtypes are run on the same inputs. */
export interface DtypeComparison {
  /** Whether inputs are texts; else, without a tokenizer, random tokens. */
  readonly ofTexts: boolean;
  readonly lengths: readonly number[];
  /**
   * @param folder where the graphs lie
   * @param files their names, and those of their data
   * @throws CheckpointError if a graph cannot be loaded or run
   */
  closeness(dtype: SmallDtype, folder: string, files: readonly string[]): Promise<DtypeCloseness>;
  close(): Promise<void>;
}

export interface ComparisonOptions {
  readonly runtime: Runtime;
  /** Seed of lsh's random projections. */
  readonly lshSeed: number;
  readonly signal: AbortSignal | undefined;
}

/** Opens a model over its weights, in float32, wherever they lie: they are not copied. */
export async function openDtypeComparison(
  described: Model,
  { runtime, lshSeed, signal }: ComparisonOptions,
): Promise<DtypeComparison> {
  const workspace = await openWorkspace(described.checkpoint.source, signal);
  // The graphs that are compared are ours too: they were just written.
  const host = inThisProcess(runtime);
  const open = (
    title: string,
    more: Partial<RunnableOptions> = {},
    model = described,
  ): Promise<OpenRunnable> =>
    openRunnable(model, {
      ...{ host, workspace, device: "cpu", lshSeed, memory: SCORES_FOR_ALL, title, ...more },
    });
  let model: OpenRunnable | undefined;
  const close = async () => {
    await model?.close();
    await workspace.close();
  };
  try {
    model = await open("the model in float32");
    const whole = await described.withModules();
    const opened = await openTokenizer(await described.contents(), SAMPLE_TEXT, signal);
    if ("tokenizer" in opened) await opened.tokenizer.close();
    const inputs = inputSource(described, "tokenizer" in opened ? opened.ids : []);
    const beyondTwoBlocks = 2 * borderOf(described.attention()) + 5;
    const wanted = [...SHORT, beyondTwoBlocks].filter((length) => length <= LONGEST);
    const upTo = (reach: number) =>
      [...new Set(wanted.map((length) => Math.min(length, reach)))].sort((a, b) => a - b);
    const openBase: OutputCheck["openBase"] = (modules) =>
      open("the base model", { head: "base" }, { ...described, modules });
    const check: OutputCheck = {
      ...{ graphHost: host, device: "cpu", model, openBase },
      ...{ whole, inputs, row: inputs.text, seed: DEFAULT_SEED, answers: new Map(), signal },
      lengths: upTo,
      decoderLengths: DECODER_LENGTHS,
    };
    return {
      ofTexts: inputs.hasText,
      lengths: upTo(model.longest),
      async closeness(dtype, folder, files) {
        const closeness = summedCloseness(dtype);
        const graphs = { folder, dtype, files, closeness };
        const graph = files.find((file) => posix.basename(file) === inDtype(GRAPH_FILE, dtype));
        if (graph === undefined) await compareGeneration(graphs, check);
        else {
          await inSession(graph, graphs, check, async (session) =>
            compareWhole(session, graphs, check, await exportedFor(session, check)),
          );
        }
        return { cosine: closeness.cosine(), least: leastCosine(dtype) };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
