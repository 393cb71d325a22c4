import type { Counted } from "../base/progress.js";
import { reportOn } from "../evaluate/evaluate.js";
import { openRecords } from "../evaluate/records.js";
import type { EvaluationReport } from "../evaluate/report-schema.js";
import { runJob } from "../evaluate/run.js";
import { findSystems, type System } from "../evaluate/systems.js";
import { chooseJob, jobModel } from "../evaluate/tasks/choose.js";
import type { Job } from "../evaluate/tasks/job.js";
import { STRATEGIES } from "../options/evaluation.js";
import type { EvaluateOptions } from "../options/options.js";
import { chooseDevice } from "../runtime/devices.js";

export interface EvaluateContext {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
  readonly onProgress?: ((progress: Counted) => void) | undefined;
}

/**
 * Compares models, and ways to read with them, on documents.
 * @param models folders, or models on the Hub
 * @returns the report; where nothing could be compared, it says so
 * @throws LsgError for models or data that are not there, or do not go together
 */
export async function evaluate(
  models: readonly string[],
  options: EvaluateOptions,
  { signal, onStep, onProgress }: EvaluateContext = {},
): Promise<EvaluationReport> {
  const { data, against, strategies = STRATEGIES, dtype: dtypes = ["fp32"], seed, revision } = options;
  const opening = { signal, onStep, revision };
  const found = await findSystems(models, { against, strategies, dtypes }, opening);
  const job = await chooseJob(data, await jobModel(found, seed), { ...options, signal });
  const { able, notes } = ableSystems(found, job);
  const device = await chooseDevice(options.device);
  const records = await openRecords(options.records);
  try {
    const run = { records, device: device.name, overlap: options.windowOverlap, signal, onStep, onProgress };
    return reportOn(job, able, await runJob(job, able, run), { data, device: device.name, seed, notes });
  } finally {
    await records.close();
  }
}

/** The systems that can do a job, and a sentence for each that cannot. */
function ableSystems(systems: readonly System[], job: Job): { able: System[]; notes: string[] } {
  const refused = systems.map((system) => job.refuses?.(system));
  return {
    able: systems.filter((_, i) => refused[i] === undefined),
    notes: systems.flatMap(({ name }, i) =>
      refused[i] === undefined ? [] : [`${name} is left out: ${refused[i]}.`],
    ),
  };
}
