import { join } from "node:path";
import type { Device } from "../../base/device-names.js";
import type { GraphDtype } from "../../base/graph-dtypes.js";
import type { Model } from "../../model/model.js";
import type { Modules } from "../../model/modules.js";
import { counted } from "../../report/numbers.js";
import type { GraphHost } from "../../runtime/graph-host.js";
import type { InputSource } from "../../runtime/input-source.js";
import { type OpenRunnable, running } from "../../runtime/open-runnable.js";
import type { Runnable } from "../../runtime/runnable.js";
import type { Session } from "../../runtime/session.js";
import type { FloatTensor, NumberTensor } from "../../runtime/tensors.js";
import type { MakeBatch } from "../attention/attention-proof.js";
import type { OpCheck } from "../attention/check-op.js";
import type { Closeness } from "./closeness.js";

/** What to do about a graph that is not as it should be. */
export function exportAgain(dtype: GraphDtype): string {
  return `Export it again: lsg export FOLDER${dtype === "fp32" ? "" : ` --onnx ${dtype}`}.`;
}

/** What it takes to compare graphs with the weights that they were made of. */
export interface OutputCheck {
  /** Where the graphs are run: others than we may have made them. */
  readonly graphHost: GraphHost;
  readonly device: Device;
  readonly whole: Model;
  /** The model over its weights, in float32. */
  readonly model: Runnable;
  /** Opens it as its base class, without its own head, as these modules read it. */
  readonly openBase: (modules: Modules | undefined) => Promise<OpenRunnable>;
  readonly inputs: InputSource;
  /** Makes the inputs of a whole model or an encoder: by default one of `row`. */
  readonly rows?: MakeBatch | undefined;
  /** Makes an input for a whole model or an encoder: one of `inputs`. */
  readonly row: InputSource["random"];
  /** Tokens of these inputs, where outputs are not too large beyond `reach`. */
  readonly lengths: (reach: number, dtype: GraphDtype) => readonly number[];
  /** Tokens that an encoder reads for a decoder. */
  readonly decoderLengths: readonly number[];
  readonly seed: number;
  /** What the weights say of inputs, by their length: kept where graphs for the same purpose follow. */
  readonly answers?: Map<number, Question>;
  readonly signal: AbortSignal | undefined;
}

/** What a graph is fed with, and what the weights say that it gives. */
export interface Question {
  readonly inputs: Readonly<Record<string, NumberTensor>>;
  readonly expected: Readonly<Record<string, FloatTensor>>;
}

/** What the checks of a folder's graphs are given. */
export interface GraphCheck extends OutputCheck {
  readonly op: OpCheck;
  readonly scratch: string;
}

/** The graphs of a folder in one dtype, in a folder of our own with all that they need beside them. */
export interface FoundGraphs {
  readonly folder: string;
  readonly dtype: GraphDtype;
  /** How near to float32 they have to be. */
  readonly closeness: Closeness;
  /** Paths below the folder: each graph, with its data file where there is one. */
  readonly files: readonly string[];
}

/**
 * Uses a graph for one look: on the device, or, where not every device knows its numbers, on the CPU.
 * @param graph its path below the folder
 * @throws CheckpointError that names the graph if it cannot be loaded or run
 */
export async function inSession<T>(
  graph: string,
  { folder, dtype }: FoundGraphs,
  { graphHost, device }: OutputCheck,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await running(`${graph} cannot be loaded`, () =>
    graphHost.open(join(folder, graph), { device: dtype === "fp32" ? device : "cpu" }),
  );
  const run: Session["run"] = (inputs) => {
    const length = (inputs.encoder_attention_mask ?? inputs.input_ids)?.dims.at(-1) ?? 0;
    return running(`${graph} does not run at ${counted(length, "token")}`, () => session.run(inputs));
  };
  try {
    return await use({ ...session, run });
  } finally {
    await session.close();
  }
}
