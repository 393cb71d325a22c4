import { taskOf } from "../../architectures/tasks.js";
import type { Runnable } from "../../runtime/runnable.js";
import { type DifferenceAt, failureOf } from "../check.js";
import type { Recorder } from "../recorder.js";
import { checkGeneration } from "./check-generation.js";
import { measureDrift } from "./drift.js";
import { checkLossless, losslessTitle } from "./lossless.js";
import type { Subject } from "./subject.js";

/** Compares outputs with the original's: what is promised, how far the rest is off, and what both write. */
export async function compareWithOriginal(
  subject: Subject & { readonly original: Runnable },
  recorder: Recorder,
): Promise<DifferenceAt[]> {
  const differences: DifferenceAt[] = [];
  const run = async (id: string, title: string, look: typeof checkLossless) => {
    recorder.begin(title);
    try {
      const found = await look(subject);
      recorder.add(...found.checks);
      differences.push(...found.differences);
    } catch (error) {
      recorder.add(failureOf(id, title, error));
    }
  };
  const { original, converted } = subject;
  const { hidden_states_up_to: hidden } = subject.promise;
  if (hidden > 0) await run("lossless", losslessTitle(converted.model), checkLossless);
  const longest = Math.min(original.longest, converted.longest);
  if (hidden < longest) {
    await run("drift", "drift from the original", (all) => measureDrift(all, longest));
  }
  if (original.head && converted.head && taskOf(original.head).generates) {
    await recorder.look("generation", "generated tokens", () => checkGeneration(subject));
  }
  return differences;
}
