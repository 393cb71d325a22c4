import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LsgError, PrecisionError } from "../base/errors.js";
import { GRAPH_DTYPES, type GraphDtype, isSmall, type SmallDtype } from "../base/graph-dtypes.js";
import type { OpenedModel } from "../model/open.js";
import { counted, formatAgainst, formatNumber } from "../report/numbers.js";
import { findRuntime } from "../runtime/runtime.js";
import {
  type DtypeCloseness,
  type DtypeComparison,
  openDtypeComparison,
} from "../verify/graph/compare-dtypes.js";

/** How near graphs in smaller dtypes come to float32's; figures, that no file of the folder holds. */
export type Comparison =
  | {
      readonly inputs: "texts" | "random tokens";
      /** Tokens of each. */
      readonly lengths: readonly number[];
      readonly dtypes: Readonly<Partial<Record<GraphDtype, DtypeCloseness>>>;
    }
  | { readonly not_compared: string };

export interface ComparedGraphs {
  /** The model that they were made of. */
  readonly model: OpenedModel;
  readonly folder: string;
  readonly files: ReadonlyMap<GraphDtype, readonly string[]>;
  /** Seed of lsh's random projections. */
  readonly lshSeed: number;
  /** Writes the same graphs in another dtype. @returns their files */
  readonly write: (dtype: GraphDtype, folder: string) => Promise<readonly string[]>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Compares graphs with the model in float32 on a few texts.
 * @returns undefined where there is none in a smaller dtype
 * @throws PrecisionError for a dtype that loses too much, with what to take instead
 */
export async function compareDtypes(graphs: ComparedGraphs): Promise<Comparison | undefined> {
  const { folder, files, lshSeed, signal } = graphs;
  const asked = [...files.keys()].filter(isSmall);
  if (asked.length === 0) return undefined;
  const found = await findRuntime();
  if ("reason" in found) return { not_compared: found.reason };
  const model = await (await graphs.model.read()).model();
  const comparison = await openDtypeComparison(model, { runtime: found.runtime, lshSeed, signal });
  try {
    const near = new Map<SmallDtype, DtypeCloseness>();
    const short: { dtype: SmallDtype; what: string }[] = [];
    for (const dtype of asked) {
      const outcome = await attempt(comparison, dtype, folder, files.get(dtype) ?? []);
      if (typeof outcome === "string") short.push({ dtype, what: outcome });
      else near.set(dtype, outcome);
    }
    if (short.length > 0) {
      throw new PrecisionError(
        short
          .map(({ dtype, what }) => `the graph in ${dtype} is not near enough to fp32: ${what}`)
          .join("; "),
        await remedy(
          graphs,
          short.map(({ dtype }) => dtype),
          { comparison, near },
        ),
      );
    }
    return {
      inputs: comparison.ofTexts ? "texts" : "random tokens",
      lengths: comparison.lengths,
      dtypes: Object.fromEntries(near),
    };
  } finally {
    await comparison.close();
  }
}

/** A comparison for people, a sentence for each dtype. */
export function comparisonLines(comparison: Comparison | undefined): string[] {
  if (!comparison) return [];
  if ("not_compared" in comparison) return [`not compared: ${comparison.not_compared}`];
  const { dtypes, inputs, lengths } = comparison;
  const on = `on ${lengths.length} ${inputs === "texts" ? "texts" : "inputs of random tokens"} of up to ${counted(lengths.at(-1) ?? 0, "token")}`;
  return Object.entries(dtypes).map(
    ([dtype, { cosine, least }]) =>
      `${dtype} beside fp32: cosine ${formatNumber(cosine)} ${on} (at least ${formatNumber(least)})`,
  );
}

/** How near a dtype comes, or what it falls short of. */
async function attempt(
  comparison: DtypeComparison,
  dtype: SmallDtype,
  folder: string,
  files: readonly string[],
): Promise<DtypeCloseness | string> {
  try {
    const closeness = await comparison.closeness(dtype, folder, files);
    const { cosine, least } = closeness;
    if (cosine >= least) return closeness;
    if (Number.isNaN(cosine)) return "its outputs are not all finite";
    return `cosine ${formatAgainst(cosine, least)}, where ${formatNumber(least)} is the least`;
  } catch (error) {
    if (error instanceof LsgError) return error.message;
    throw error;
  }
}

/** What to ask for instead: for those that fall short the smallest dtype that does not, which is tried. */
async function remedy(
  { folder, files, write }: ComparedGraphs,
  short: readonly SmallDtype[],
  { comparison, near }: { comparison: DtypeComparison; near: Map<SmallDtype, DtypeCloseness> },
): Promise<string> {
  const smallest = Math.max(...short.map((dtype) => GRAPH_DTYPES.indexOf(dtype)));
  let instead: GraphDtype = "fp32";
  for (const dtype of GRAPH_DTYPES.slice(0, smallest).reverse().filter(isSmall)) {
    if (short.includes(dtype)) continue;
    const known = near.get(dtype) ?? (await tryOut(dtype));
    if (!known) continue;
    near.set(dtype, known);
    instead = dtype;
    break;
  }
  const kept = GRAPH_DTYPES.filter(
    (dtype) => dtype === instead || (files.has(dtype) && !short.some((one) => one === dtype)),
  );
  const cosine = isSmall(instead) ? near.get(instead)?.cosine : undefined;
  const which = kept.length === 1 ? "which" : `of which ${instead}`;
  const why = cosine === undefined ? "" : `, ${which} has a cosine of ${formatNumber(cosine)}`;
  return `Nothing was written. Take --onnx ${kept.join(",")}${why}.`;

  async function tryOut(dtype: SmallDtype): Promise<DtypeCloseness | undefined> {
    const place = join(folder, "instead");
    await mkdir(place);
    try {
      const outcome = await attempt(comparison, dtype, place, await write(dtype, place));
      return typeof outcome === "string" ? undefined : outcome;
    } catch (error) {
      // Weights that a dtype cannot hold.
      if (error instanceof LsgError) return undefined;
      throw error;
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }
}
