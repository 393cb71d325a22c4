import { bundledProgram } from "../base/package.js";
import { type Confined, startConfined } from "./confined.js";
import type { Limits } from "./limits.js";
import type { NodeShare } from "./node-shares.js";
import type { Runtime } from "./runtime.js";
import { openSession, type Session, type SessionOptions } from "./session.js";
import type { FloatTensor, NumberTensor } from "./tensors.js";

export interface GraphHost {
  /**
   * Opens a graph: see `openSession`.
   * @throws Error of the runtime; of a confined graph LimitError too, and an AbortError
   */
  open(model: string | Uint8Array, options: SessionOptions): Promise<Session>;
  /** Ends what was opened. May be called twice. */
  close(): Promise<void>;
}

/** What the program is told that runs graphs. */
export type GraphRequest =
  | { readonly kind: "open"; readonly model: string | Uint8Array; readonly options: SessionOptions }
  | {
      readonly kind: "run";
      readonly number: number;
      readonly inputs: Readonly<Record<string, NumberTensor>>;
    }
  | { readonly kind: "nodeShares" | "close"; readonly number: number };

type Opened = Pick<Session, "inputNames" | "outputNames"> & { readonly number: number };

/** Runs graphs in this process: ours on the CPU, that is. */
export function inThisProcess(runtime: Runtime): GraphHost {
  return { open: (model, options) => openSession(runtime, model, options), close: async () => {} };
}

/**
 * Runs graphs in a process of their own: a stranger's, which may never end, and all on a device whose driver may take the
 * process along. One that had to be ended takes the sessions in it along; the next to be opened gets a new one.
 * @param limits of a request, asked before each
 */
export function inOwnProcess(limits: () => Limits, signal: AbortSignal | undefined): GraphHost {
  let process: Confined | undefined;
  return {
    async open(model, options) {
      if (process?.isOver !== false) process = startConfined(bundledProgram("graph-program"), signal);
      const own = process;
      const ask = <T>(request: GraphRequest) => own.ask<T>(request, limits());
      const { number, inputNames, outputNames } = await ask<Opened>({ kind: "open", model, options });
      return {
        inputNames,
        outputNames,
        run: (inputs) => ask<Record<string, FloatTensor>>({ kind: "run", number, inputs }),
        nodeShares: () => ask<NodeShare[]>({ kind: "nodeShares", number }),
        async close() {
          if (!own.isOver) await ask<void>({ kind: "close", number });
        },
      };
    },
    close: async () => process?.close(),
  };
}
