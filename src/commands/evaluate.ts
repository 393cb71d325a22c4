import { OptionError } from "../base/errors.js";
import type { Counted } from "../base/progress.js";
import { reportOn } from "../evaluate/evaluate.js";
import { openRecords } from "../evaluate/records.js";
import type { EvaluationReport } from "../evaluate/report-schema.js";
import { runJob } from "../evaluate/run.js";
import { findSystems } from "../evaluate/systems.js";
import { chooseJob, jobModel } from "../evaluate/tasks/choose.js";
import type { EvaluateOptions } from "../options/options.js";
import { STRATEGIES } from "../options/schemas.js";
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
  const systems = await findSystems(models, { against, strategies, dtypes }, opening);
  const [first] = systems;
  if (!first) throw new OptionError("there is no way to read left to compare");
  const job = await chooseJob(data, await jobModel(first), { ...options, signal });
  const device = await chooseDevice(options.device);
  const records = await openRecords(options.records);
  try {
    const run = { records, device: device.name, overlap: options.windowOverlap, signal, onStep, onProgress };
    const found = await runJob(job, systems, run);
    return reportOn(job, systems, found, { data, device: device.name, seed, notes: [] });
  } finally {
    await records.close();
  }
}
