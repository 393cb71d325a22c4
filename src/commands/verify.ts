import { OptionError } from "../base/errors.js";
import { namedFolder } from "../checkpoint/named-folder.js";
import { overlap } from "../checkpoint/nested.js";
import { openSource } from "../checkpoint/open-source.js";
import { openModel } from "../model/open.js";
import type { VerifyOptions } from "../options/options.js";
import { recordedModelType } from "../plan/conversion-record.js";
import { findOriginal } from "../plan/find-original.js";
import { chooseDevice } from "../runtime/devices.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { NO_ORIGINAL } from "../verify/verdict.js";
import { verifyFolder } from "../verify/verify.js";

export interface VerifyContext extends Listener {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}

/**
 * Verifies a converted folder against its original.
 * @param model a folder, or a model on the Hub
 * @throws LsgError if there is no such folder, original or device; what is wrong with the folder is in the report
 */
export async function verify(
  model: string,
  options: VerifyOptions,
  { signal, onStep, ...listener }: VerifyContext = {},
): Promise<VerificationReport> {
  const opening = { signal, onStep };
  const converted = await openSource(model, { ...opening, revision: options.revision, asFound: true });
  const device = await chooseDevice(options.device);
  return verifyFolder(
    {
      converted: openModel(converted, { transfer: { signal } }),
      name: await namedFolder(model),
      device,
      lengths: options.lengths,
      text: options.text,
      seed: options.seed,
      signal,
      async findOriginal(record) {
        const { against } = options;
        if (against === NO_ORIGINAL) return "declined";
        if (against !== undefined) {
          const source = await openSource(against, opening);
          const original = openModel(source, { transfer: { signal }, modelType: recordedModelType(record) });
          await original.read();
          if (await overlap(source, converted)) throw cameAlong(against, model);
          return { original };
        }
        if (record) return findOriginal(converted, record, opening);
        return { reason: "the folder does not say what it was made from" };
      },
    },
    listener,
  );
}

/** The error for an original that lies in the folder itself, or the folder in it. */
function cameAlong(against: string, model: string): OptionError {
  return new OptionError(
    `--against ${against}: it and ${model} lie inside each other, and what comes with a folder proves nothing of it`,
    "Name the original where it lies apart, or on the Hub.",
  );
}
