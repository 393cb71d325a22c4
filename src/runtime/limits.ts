import { runScoreBytes } from "../attention/score-memory.js";
import type { Attention } from "../attention/variants.js";
import { OptionError } from "../base/errors.js";
import type { Model } from "../model/model.js";
import { freeBytes } from "./free-memory.js";

/** What a program may take for one request before it is ended. */
export interface Limits {
  readonly seconds: number;
  readonly bytes: number;
}

/** The environment variables that set limits, whatever the work. */
export const LIMIT_VARIABLES = { seconds: "LSG_LIMIT_SECONDS", bytes: "LSG_LIMIT_GIB" } as const;

export const NO_LIMITS: Limits = { seconds: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** However little there is to do: a machine may be busy with something else. */
const LEAST_SECONDS = 60;

/** How much longer than ours a stranger's work may take that does as much: graphs of other dtypes and devices do. */
const TIMES_OURS = 30;

/** What a process of Node's has with a runtime loaded, with room for what is not counted. */
const BASE_BYTES = 2 ** 30;

/** Copies of a graph's weights while it is loaded: as a message, as tensors, and packed for products. */
const WEIGHT_COPIES = 3;

/** Matrices of tokens that a layer holds at a time, the widest of them. */
const STATE_COPIES = 8;

/** Rows of the largest batch. */
const ROWS = 3;

/** How much more than ours a stranger's graph may take. */
const BYTES_TIMES_OURS = 2;
const PYTHON_TIMES_OURS = 4;

/** A tokenizer's file becomes maps, tries and merges of some fifty times its size. */
const TOKENIZER_COPIES = 64;

/** For a tokenizer whose file has so many bytes. */
export function tokenizerLimits(fileBytes: number): Limits {
  return limited({ seconds: 0, bytes: TOKENIZER_COPIES * fileBytes });
}

/** What our own graph of a model has to do. */
export interface GraphWork {
  readonly model: Model;
  readonly attention: Attention;
  /** Of the longest inputs. */
  readonly tokens: number;
  /** That it took for the longest of what it did so far. */
  readonly seconds: number;
}

/** For a stranger's graph that claims to do what ours does. */
export function graphLimits(work: GraphWork): Limits {
  return limited({ seconds: TIMES_OURS * work.seconds, bytes: BYTES_TIMES_OURS * graphBytes(work) });
}

/** What our own graph may come to. */
function graphBytes({ model, attention, tokens }: GraphWork): number {
  const { heads, hidden, intermediate, vocab } = model.sizes;
  const parameters = [...model.tensors.values()].reduce(
    (sum, { stored }) => sum + stored.shape.reduce((product, size) => product * size, 1),
    0,
  );
  const floats =
    WEIGHT_COPIES * (parameters + vocab * hidden) +
    STATE_COPIES * ROWS * tokens * Math.max(hidden, intermediate);
  return Float32Array.BYTES_PER_ELEMENT * floats + runScoreBytes(attention, heads, tokens);
}

/** For a graph of which nothing is known but that it is measured beside ours. @param ownSeconds that ours took at most */
export function rivalLimits(ownSeconds: number): Limits {
  return limited({ seconds: TIMES_OURS * ownSeconds });
}

/** Until Python has found its libraries on a slow disk. */
const PYTHON_START_SECONDS = 300;

/** What PyTorch and its relatives have resident before they do anything. */
const PYTHON_BYTES = 3 * BASE_BYTES;

/** For PyTorch, which does our graph's work in several batches, in another way. */
export function pythonLimits(work: GraphWork, batches: number): Limits {
  return limited({
    seconds: PYTHON_START_SECONDS + TIMES_OURS * batches * work.seconds,
    bytes: PYTHON_BYTES + PYTHON_TIMES_OURS * graphBytes(work),
  });
}

/** @param bytes undefined for as much as there is */
function limited({
  seconds,
  bytes = Number.POSITIVE_INFINITY,
}: Partial<Limits> & { readonly seconds: number }): Limits {
  const gibibytes = fromEnvironment(LIMIT_VARIABLES.bytes);
  return {
    seconds: fromEnvironment(LIMIT_VARIABLES.seconds) ?? Math.max(LEAST_SECONDS, seconds),
    bytes:
      gibibytes === undefined
        ? Math.max(BASE_BYTES, Math.min(BASE_BYTES + bytes, freeBytes()))
        : gibibytes * 2 ** 30,
  };
}

/** @throws OptionError for a limit that the environment sets to what is none, before the work begins */
export function requireLimits(): void {
  for (const variable of Object.values(LIMIT_VARIABLES)) fromEnvironment(variable);
}

/** @throws OptionError for what is not a number above 0 */
function fromEnvironment(variable: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (value > 0) return value;
  throw new OptionError(`${variable} is ${JSON.stringify(text)}, expected a number above 0`, "Leave it out.");
}
