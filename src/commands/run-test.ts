import type { FileSource } from "../checkpoint/file-source.js";
import type { FileHashes } from "../checkpoint/source-hashes.js";
import { type OpenedModel, openModel } from "../model/open.js";
import type { ConvertOptions } from "../options/options.js";
import { chooseDevice } from "../runtime/devices.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/report/report-schema.js";
import { seal } from "../verify/seal.js";
import { VerificationError } from "../verify/verification-error.js";
import { verifyFolder } from "../verify/verify.js";

export interface RunTestOptions extends Pick<ConvertOptions, "device" | "seed"> {
  readonly original: OpenedModel;
  /** Whether what is proven goes on from here, and must be the same there. */
  readonly isSealed: boolean;
  readonly signal: AbortSignal | undefined;
  readonly listener: Listener | undefined;
}

/** A folder's verification, and the hashes of the files that passed it. */
export interface Proof {
  readonly report: VerificationReport;
  readonly sealed: FileHashes | undefined;
}

/** Verifies a folder that is not in its place yet. @param name what it will be called */
type RunTest = (folder: FileSource, name: string) => Promise<Proof>;

/**
 * Makes ready to verify a conversion's result.
 * @throws DeviceError if the device is absent; what it returns throws VerificationError if the result falls short
 */
export async function openRunTest(options: RunTestOptions): Promise<RunTest> {
  const { original, isSealed, seed, signal, listener } = options;
  const device = await chooseDevice(options.device);
  return async (converted, name) => {
    const sealed = isSealed ? await seal(converted, signal) : undefined;
    const findOriginal = async () => ({ original });
    const report = await verifyFolder(
      { converted: openModel(converted, { transfer: { signal } }), name, findOriginal, device, seed, signal },
      listener,
    );
    // The model card says what was proven: a promise that nobody could look at must not stand there.
    if (report.verdict !== "sound") throw new VerificationError(report, "written");
    return { report, sealed };
  };
}
