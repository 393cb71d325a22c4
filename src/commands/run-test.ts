import type { FileSource } from "../checkpoint/file-source.js";
import type { ReadCheckpoint } from "../model/open.js";
import type { ConvertOptions } from "../options/options.js";
import { chooseDevice } from "../runtime/devices.js";
import { recordProof, requireProof } from "../verify/proof.js";
import type { Listener } from "../verify/recorder.js";
import type { VerificationReport } from "../verify/types.js";
import { verifyFolder } from "../verify/verify.js";

export interface RunTestOptions extends Pick<ConvertOptions, "device" | "seed"> {
  /** What is being converted. */
  readonly read: ReadCheckpoint;
  readonly signal: AbortSignal | undefined;
  readonly listener: Listener | undefined;
}

/** Verifies a folder that is not in its place yet. @param name what it will be called */
type RunTest = (folder: FileSource, name: string) => Promise<VerificationReport>;

/**
 * Makes ready to verify a conversion's result.
 * @throws DeviceError if the device is absent; what it returns throws VerificationError if the result falls short
 */
export async function openRunTest(options: RunTestOptions): Promise<RunTest> {
  const { read, seed, signal, listener } = options;
  const device = await chooseDevice(options.device);
  return async (converted, name) => {
    const findOriginal = async () => ({ read });
    const report = await verifyFolder({ converted, name, findOriginal, device, seed, signal }, listener);
    // The model card says what was proven: a promise that nobody could look at must not stand there.
    requireProof(report, "written");
    await recordProof(converted);
    return report;
  };
}
