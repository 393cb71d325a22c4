import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type Attention, FULL, isLocal, titleOf } from "../attention/variants.js";
import type { Device } from "../base/device-names.js";
import { OptionError } from "../base/errors.js";
import type { OpenSourceOptions } from "../checkpoint/open-source.js";
import { isRecord } from "../json/json-edit.js";
import type { Model } from "../model/model.js";
import { encoderGraph } from "../onnx/graph.js";
import { graphSeed, readRecord } from "../plan/conversion-record.js";
import { findOriginal } from "../plan/find-original.js";
import { toldLength } from "../plan/told-length.js";
import type { Place, Workspace } from "../runtime/workspace.js";
import type { Candidate } from "./measure.js";
import { startGraph } from "./worker.js";

export type Alternative = (
  | { readonly kind: "full" }
  | { readonly kind: "original"; readonly original: Model }
  | { readonly kind: "file"; readonly path: string }
) & {
  /** What it is, as a report's head says. */
  readonly title: string;
};

/** ONNX Runtime's CPU provider keeps some four copies of the scores while it makes probabilities of them. */
const SCORE_COPIES = 4;
const FLOAT_BYTES = 4;

/**
 * Finds what `--against` names, before anything is run.
 * @throws OptionError if it is not there
 */
export async function findAlternative(
  against: string,
  model: Model,
  opening: OpenSourceOptions,
): Promise<Alternative> {
  const { source } = model.checkpoint;
  if (against === "full") {
    if (isLocal(model.attention())) return { kind: "full", title: "the same weights with full attention" };
    throw new OptionError(
      `--against full: ${source.name} has full attention itself`,
      "Name a converted model, or a graph: --against FILE.onnx.",
    );
  }
  if (against === "original") {
    const record = await readRecord(source);
    const found = await findOriginal(source, record, opening);
    if ("reason" in found) {
      throw new OptionError(
        `--against original: ${found.reason}`,
        "Put it there, or leave --against out: full attention needs no original.",
      );
    }
    const { model_kwargs: kwargs } = record.options;
    const original = await found.original.as({ kwargs: isRecord(kwargs) ? kwargs : {} });
    return { kind: "original", original, title: `the original, ${found.original.source.name}` };
  }
  const found = await stat(against).catch(() => undefined);
  if (found?.isFile()) return { kind: "file", path: resolve(against), title: against };
  throw new OptionError(
    `--against ${against}: there is no such file`,
    "Name a graph, or choose full or original.",
  );
}

/**
 * Builds the graphs of a model and of what it is measured beside, over the weights where they lie.
 * @param open opens a graph
 */
export async function buildCandidates(
  model: Model,
  alternative: Alternative,
  workspace: Workspace,
  device: Device,
  open: typeof startGraph = startGraph,
): Promise<[model: Candidate, alternative: Candidate]> {
  const attention = model.attention();
  const place = await workspace.place(model.checkpoint);
  const seed = await graphSeed(model.checkpoint.source, undefined);
  const build = async (
    name: string,
    of: Model,
    at: Place,
    attention: Attention,
    title = titleOf(attention),
  ) => {
    const path = await at.write(name, encoderGraph(of, at.weights, { attention, seed }));
    return {
      name: title,
      maxLength: attention === FULL ? of.positions().maxLength : await toldLength(of),
      start: (signal: AbortSignal | undefined) => open(path, device, signal),
    };
  };
  const own = await build("model", model, place, attention);
  switch (alternative.kind) {
    case "file": {
      const { path } = alternative;
      const start: Candidate["start"] = (signal, limits) => open(path, device, signal, limits);
      return [own, { name: alternative.title, maxLength: own.maxLength, start, isStrange: true }];
    }
    case "original": {
      const { original } = alternative;
      const beside = await workspace.place(original.checkpoint);
      const attention = original.attention();
      const candidate = await build("original", original, beside, attention, "the original");
      return [own, { ...candidate, ...(!isLocal(attention) && { bytesAt: scoreBytes(original) }) }];
    }
    case "full": {
      return [own, { ...(await build("full", model, place, FULL)), bytesAt: scoreBytes(model) }];
    }
  }
}

/** Full attention has a score for each pair of tokens, in each head. */
function scoreBytes({ sizes }: Model): (length: number) => number {
  return (length) => SCORE_COPIES * FLOAT_BYTES * sizes.heads * length ** 2;
}
