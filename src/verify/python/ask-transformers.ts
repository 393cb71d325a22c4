import { realpathSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { basename, delimiter, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { MODELING_PARTS } from "../../base/package.js";
import type { Model } from "../../model/model.js";
import type { Batch } from "../../runtime/batch.js";
import type { Limits } from "../../runtime/limits.js";
import { runProgram } from "../../runtime/run-program.js";
import type { FloatTensor } from "../../runtime/tensors.js";
import { decodeFloats } from "../../safetensors/floats.js";
import { writeOpened } from "./opened-folder.js";

const PROGRAM = new URL("verify_modeling.py", MODELING_PARTS);

export interface Question {
  readonly model: Model;
  /** The Python files that are run, as they were proven. */
  readonly modeling: ReadonlyMap<string, Buffer>;
  /** For hidden states. */
  readonly batches: readonly Batch["inputs"][];
  /** For the outputs of the whole model; none for one without a head. */
  readonly heads: readonly Batch["inputs"][];
  readonly scratch: string;
  readonly limits: Limits;
  readonly signal: AbortSignal | undefined;
}

const AnswerSchema = z.object({
  torch: z.string(),
  transformers: z.string(),
  class: z.string(),
  missing: z.array(z.string()),
  unexpected: z.array(z.string()),
  hidden: z.array(z.array(z.int())),
  head: z.array(z.record(z.string(), z.array(z.int()))),
});

const ReplySchema = z.union([
  AnswerSchema,
  z.object({ error: z.string() }),
  z.object({ unusable: z.string() }),
]);

/** What transformers made of a converted folder. */
export interface Answer extends Omit<z.output<typeof AnswerSchema>, "hidden" | "head"> {
  /** For each batch (batch, length, hidden). */
  readonly hidden: readonly FloatTensor[];
  /** For each batch, by the names that transformers gives them. */
  readonly heads: readonly Readonly<Record<string, FloatTensor>>[];
}

/**
 * Opens a converted model with transformers, in a process of the interpreter, and runs it.
 * What transformers sees is a folder of our own (see `writeOpened`): nothing is looked at, or run, but what was proven,
 * and code of lsg 0.1.0 does not open in a folder whose name has a dot. The working directory is empty.
 * @returns `error` if transformers cannot open or run the folder, `unusable` if the interpreter cannot say
 */
export async function askTransformers(
  interpreter: string,
  { model, modeling, batches, heads, scratch, limits, signal }: Question,
): Promise<Answer | { readonly error: string } | { readonly unusable: string }> {
  const own = join(scratch, "transformers");
  const [folder, output, empty] = ["model", "output", "empty"].map((name) => join(own, name)) as Places;
  for (const place of [output, empty]) await mkdir(place, { recursive: true });
  const opening = await writeOpened(model, modeling, folder);
  const { origin } = model.checkpoint.source;
  const { stdout, failure } = await runProgram(programPath(interpreter), [fileURLToPath(PROGRAM)], {
    input: JSON.stringify({ folder, output, ...opening, hidden: batches, head: heads }),
    env: environment(own, origin.kind === "folder" ? origin.path : undefined),
    cwd: empty,
    limits,
    signal,
  });
  if (failure !== undefined) return { unusable: failure };
  const reply = parseReply(stdout);
  if (!reply) return { unusable: "it does not answer as Python does" };
  if (!("hidden" in reply)) return reply;
  const tensor = async (file: string, dims: readonly number[]): Promise<FloatTensor> => {
    const bytes = await readFile(join(output, file));
    return { dims, values: Float32Array.from(decodeFloats(bytes, "F32")) };
  };
  const hidden = await Promise.all(reply.hidden.map((dims, i) => tensor(`hidden-${i}`, dims)));
  const outputs = reply.head.map(async (shapes, i) => {
    const named = Object.entries(shapes).map(
      async ([name, dims]) => [name, await tensor(`head-${i}-${name}`, dims)] as const,
    );
    return Object.fromEntries(await Promise.all(named));
  });
  return { ...reply, hidden, heads: await Promise.all(outputs) };
}

type Places = [folder: string, output: string, empty: string];

/** Absolute, as the program runs in another working directory; a bare name stays, to be found on PATH. */
function programPath(interpreter: string): string {
  return basename(interpreter) === interpreter ? interpreter : resolve(interpreter);
}

/**
 * Nothing is asked of the Hub, no older copy of modelling code is found, no token is at hand, and nothing is left behind.
 * @param verified the folder, which Python is not to import from
 */
function environment(own: string, verified: string | undefined): Record<string, string | undefined> {
  const home = join(own, "home");
  return {
    HF_HUB_OFFLINE: "1",
    HF_HOME: home,
    HF_MODULES_CACHE: join(own, "modules"),
    // They would win over HF_HOME.
    ...Object.fromEntries(CACHES.map((name) => [name, undefined])),
    ...Object.fromEntries(TOKENS.map((name) => [name, undefined])),
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONSAFEPATH: "1",
    PYTHONPATH: importPath(process.env.PYTHONPATH, verified),
  };
}

const CACHES = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "HF_ASSETS_CACHE"];
const TOKENS = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"];

/**
 * PYTHONPATH without what stands for the current directory there (an empty entry does), which may be a stranger's folder,
 * and without the folder under test and what is in it, by whatever links they are named.
 */
export function importPath(path: string | undefined, verified: string | undefined): string | undefined {
  const current = realPath(process.cwd());
  const folder = verified === undefined ? undefined : realPath(verified);
  const entries = (path ?? "")
    .split(delimiter)
    .filter((entry) => entry !== "")
    .map(realPath)
    .filter((entry) => entry !== current && !(folder !== undefined && isWithin(entry, folder)));
  return entries.length > 0 ? entries.join(delimiter) : undefined;
}

/** Without links; what isn't there has none. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !/^\.\.(\/|\\|$)/.test(way) && !isAbsolute(way);
}

function parseReply(stdout: string): z.output<typeof ReplySchema> | undefined {
  try {
    return ReplySchema.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}
