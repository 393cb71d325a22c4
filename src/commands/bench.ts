import { OptionError } from "../base/errors.js";
import { type Alternative, buildCandidates, findAlternative } from "../bench/candidates.js";
import { freeMemory, measure, surroundings } from "../bench/measure.js";
import { compareCosts } from "../bench/statistics.js";
import type { BenchReport } from "../bench/types.js";
import { INPUT_NAMES } from "../bench/worker.js";
import { namedFolder } from "../checkpoint/named-folder.js";
import { openSource } from "../checkpoint/open-source.js";
import type { Model } from "../model/model.js";
import { openModel } from "../model/open.js";
import type { BenchOptions } from "../options/options.js";
import { toldLength } from "../plan/told-length.js";
import { makeBatch } from "../runtime/batch.js";
import { chooseDevice } from "../runtime/devices.js";
import { inputSource } from "../runtime/input-source.js";
import { costLengths } from "../runtime/lengths.js";
import { openWorkspace } from "../runtime/workspace.js";

export interface BenchContext {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

/** Loading varies less than running, and takes seconds of a large model. */
const MAX_LOADS = 3;

/**
 * Measures a model's encoder beside an alternative: time, memory and loading at each length, the two in turn.
 * @param model a folder, or a model on the Hub
 * @throws LsgError for a model, an alternative or a device that is not there or does not load
 */
export async function bench(
  model: string,
  { against, lengths: asked, batchSize, runs, seed, revision, device: wanted }: BenchOptions,
  { signal, onStep }: BenchContext = {},
): Promise<BenchReport> {
  const opening = { signal, onStep };
  const source = await openSource(model, { ...opening, revision });
  const own = await (await openModel(source, { transfer: { signal } }).read()).model();
  const lengths = costLengths(await checkedMaxLength(own, asked), asked);
  const alternative = await findAlternative(against, own, opening);
  const device = await chooseDevice(wanted);
  const where = await surroundings(device);
  const workspace = await openWorkspace(source, signal);
  try {
    const candidates = await buildCandidates(own, alternative, workspace, device.name);
    const inputs = inputsOf(own, alternative);
    const [measured, other] = await measure(candidates, {
      lengths,
      batchSize,
      runsAt: () => runs,
      loads: Math.min(runs, MAX_LOADS),
      memory: freeMemory(),
      inputsAt(length) {
        const rows = Array.from({ length: batchSize }, (_, i) => inputs.random(length, seed + i));
        const all = makeBatch(rows, inputs.padId).inputs;
        return Object.fromEntries(INPUT_NAMES.flatMap((name) => (all[name] ? [[name, all[name]]] : [])));
      },
      signal,
      onStep,
    });
    if (!measured || !other) throw new Error("two graphs were to be measured");
    const compare = (costOf: Parameters<typeof compareCosts>[2]) =>
      compareCosts(measured.measurements, other.measurements, costOf);
    return {
      format_version: 1,
      model: await namedFolder(model),
      model_type: own.architecture.modelType,
      against: alternative.title,
      ...where,
      batch_size: batchSize,
      runs,
      seed,
      graphs: { model: measured, alternative: other },
      seconds: compare(({ seconds }) => seconds.median),
      megabytes: compare(({ megabytes }) => megabytes),
    };
  } finally {
    await workspace.close();
  }
}

/** Tokens that the model reads. @throws OptionError if it does not read those that are asked for */
async function checkedMaxLength(model: Model, asked: readonly number[] = []): Promise<number> {
  const maxLength = await toldLength(model);
  const tooLong = asked.find((length) => length > maxLength);
  if (tooLong === undefined) return maxLength;
  throw new OptionError(
    `--lengths ${tooLong}: ${model.checkpoint.source.name} reads ${maxLength} tokens at most`,
    "Leave it out, or convert the original with a larger --max-sequence-length.",
  );
}

function inputsOf(own: Model, alternative: Alternative) {
  if (alternative.kind !== "original") return inputSource(own, []);
  const { original } = alternative;
  const smaller = original.sizes.vocab < own.sizes.vocab ? original : own;
  return inputSource(smaller, [], { typed: own.readsTokenTypes && original.readsTokenTypes });
}
