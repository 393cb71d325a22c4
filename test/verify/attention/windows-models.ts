import { join } from "node:path";
import { onTestFinished } from "vitest";
import { FULL } from "../../../src/attention/variants.js";
import type { WindowsConfig } from "../../../src/attention/windows.js";
import { openFolder } from "../../../src/checkpoint/folder.js";
import { convert } from "../../../src/commands/convert.js";
import type { Model } from "../../../src/model/model.js";
import { openModel } from "../../../src/model/open.js";
import { readerGraph } from "../../../src/onnx/windows/reader-alone.js";
import { parseConvertOptions } from "../../../src/options/options.js";
import { inThisProcess } from "../../../src/runtime/graph-host.js";
import { inputSource } from "../../../src/runtime/input-source.js";
import { openRunnable } from "../../../src/runtime/open-runnable.js";
import { loadRuntime } from "../../../src/runtime/runtime.js";
import { openWorkspace } from "../../../src/runtime/workspace.js";
import { compareByHand, type LongCheck } from "../../../src/verify/attention/compare-by-hand.js";
import type { Outcome } from "../../../src/verify/check.js";
import type { Subject } from "../../../src/verify/model/subject.js";
import { temporaryFolder } from "../../support/fixtures.js";

/** Tokens of a window: so few that short rows have many. */
export const SIZE = 30;

/** Of the longest inputs. */
const LONGEST = 4 * SIZE;

/** Around one window, several, and the longest. */
const LENGTHS = [SIZE + 1, 2 * SIZE + 1, LONGEST];

/** A model that is converted to windows, beside what its long inputs follow from. */
export interface LongPair {
  readonly model: Model;
  readonly config: WindowsConfig;
  /** Compares it, or the same weights as other keys have it, with what is made by hand. */
  compare(changed?: Partial<WindowsConfig>): Promise<Outcome>;
}

/** Converts a checkpoint and opens it; closed when the test ends. */
export async function longPair(
  source: string,
  given: Readonly<Record<string, unknown>> = {},
): Promise<LongPair> {
  const folder = join(await temporaryFolder(), "windows");
  await convert(
    source,
    folder,
    parseConvertOptions({ to: "windows", maxSequenceLength: LONGEST, windowOverlap: 6, ...given }),
  );
  const model = await openModel(await openFolder(folder)).model();
  const attention = model.attention();
  if (attention.kind !== "windows") throw new Error("it was not converted to windows");
  const { config } = attention;
  const workspace = await openWorkspace(model.checkpoint.source);
  const host = inThisProcess(await loadRuntime());
  const options = {
    host,
    workspace,
    device: "cpu",
    lshSeed: 1,
    memory: 2 ** 32,
    maxLength: LONGEST,
  } as const;
  const beside = await openRunnable({ ...model, attention: () => FULL }, { ...options, title: "the source" });
  const { weights, write } = await workspace.place(model.checkpoint);
  const session = await host.open(await write("reader", readerGraph(model, weights)), { device: "cpu" });
  const check: LongCheck = {
    title: "the source",
    source: beside,
    reader: (inputs) =>
      session.run(
        Object.fromEntries(Object.entries(inputs).filter(([name]) => session.inputNames.includes(name))),
      ),
  };
  onTestFinished(async () => {
    await Promise.all([session.close(), beside.close()]);
    await workspace.close();
  });
  return {
    model,
    config,
    async compare(changed = {}) {
      const other = { kind: "windows", config: { ...config, ...changed } } as const;
      const converted = await openRunnable(
        { ...model, attention: () => other },
        { ...options, title: "the converted model" },
      );
      const subject: Subject = {
        ...{ converted, attention: other, original: undefined, lengths: LENGTHS, seed: 1, signal: undefined },
        inputs: inputSource(model, [], { without: config.window_separator }),
        promise: { lossless_up_to: 0, hidden_states_up_to: 0 },
      };
      try {
        return await compareByHand(subject, check, config);
      } finally {
        await converted.close();
      }
    },
  };
}
