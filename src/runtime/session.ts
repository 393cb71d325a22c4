import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { Device } from "../base/device-names.js";
import { decodeFloats } from "../safetensors/floats.js";
import type { NodeShare } from "./node-shares.js";
import type { Runtime } from "./runtime.js";
import type { FloatTensor, NumberTensor } from "./tensors.js";

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** @throws Error of the runtime if an input is missing, unknown or of a shape that the graph does not take */
  run(inputs: Readonly<Record<string, NumberTensor>>): Promise<Record<string, FloatTensor>>;
  /** Which provider ran which share of the nodes so far. Ends the profiling that `profile` began. */
  nodeShares(): Promise<NodeShare[]>;
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly device: Device;
  /** Records which provider runs each node, in a folder of ours; costs time. */
  readonly profile?: string | undefined;
  /** CPU threads; by default as many as there are cores. */
  readonly threads?: number | undefined;
}

/**
 * What every session is opened with. Memory patterns lay out the memory of each input shape anew beside what the first
 * run took, in the same time: docs/onnx.md has figures.
 */
export const COMMON_OPTIONS = { logSeverityLevel: 4, enableMemPattern: false } as const;

/**
 * Opens a graph on one device. There is no fall-back: a device that is absent is an error. Only single nodes
 * that the device's provider does not know run on the CPU, as the runtime has it; `nodeShares` counts them.
 * @param model a file, whose weights may lie beside it, or a graph's bytes
 * @throws Error of the runtime if the device is absent or the graph is not one
 */
export async function openSession(
  runtime: Runtime,
  model: string | Uint8Array,
  { device, profile, threads }: SessionOptions,
): Promise<Session> {
  const folder = profile === undefined ? undefined : await mkdtemp(join(profile, "profile-"));
  const discard = async () => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  };
  const options: InferenceSession.SessionOptions = {
    ...COMMON_OPTIONS,
    executionProviders: [device],
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(folder === undefined ? {} : { enableProfiling: true, profileFilePrefix: join(folder, "run") }),
  };
  let session: InferenceSession;
  try {
    // One signature for files, another for bytes.
    session = await (typeof model === "string"
      ? runtime.InferenceSession.create(model, options)
      : runtime.InferenceSession.create(model, options));
  } catch (error) {
    await discard();
    throw error;
  }
  let shares: Promise<NodeShare[]> | undefined;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(inputs) {
      const feeds = Object.entries(inputs).map(([name, input]) => [name, toTensor(runtime, input)] as const);
      const results = await session.run(Object.fromEntries(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => {
          return [name, { dims: tensor.dims, values: floatsOf(name, tensor) }];
        }),
      );
    },
    async nodeShares() {
      if (folder === undefined) throw new Error("this session was opened without a profile");
      shares ??= endProfiling(session, folder);
      return shares;
    },
    async close() {
      await session.release();
      await discard();
    },
  };
}

export function toTensor({ Tensor }: Runtime, { dims, values, dtype }: NumberTensor): Tensor {
  switch (dtype) {
    case "int64":
      return new Tensor(dtype, BigInt64Array.from(Array.from(values, BigInt)), dims);
    case "bool":
      return new Tensor(dtype, Uint8Array.from(values), dims);
    case "float32":
      return new Tensor(dtype, values instanceof Float32Array ? values : Float32Array.from(values), dims);
  }
}

/** The data of float16 is a Float16Array where JavaScript has one, else a Uint16Array: the bytes are the same. */
function floatsOf(name: string, { type, data }: Tensor): Float32Array {
  if (type === "float32" && data instanceof Float32Array) return data;
  if (type === "float16" && ArrayBuffer.isView(data)) {
    return Float32Array.from(decodeFloats(Buffer.from(data.buffer, data.byteOffset, data.byteLength), "F16"));
  }
  throw new TypeError(`output ${name} is ${type}, neither float32 nor float16`);
}

/** The runtime writes the profile when it ends, into the one file of the folder. */
async function endProfiling(session: InferenceSession, folder: string): Promise<NodeShare[]> {
  session.endProfiling();
  const [file] = await readdir(folder);
  if (file === undefined) throw new Error("the runtime wrote no profile");
  const { nodeSharesOf } = await import("./node-shares.js");
  return nodeSharesOf(await readFile(join(folder, file), "utf8"));
}
