import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { MODELING_PARTS } from "../../base/package.js";
import type { ReadModel } from "../../model/open.js";
import type { Batch } from "../../runtime/batch.js";
import type { Limits } from "../../runtime/limits.js";
import { runProgram } from "../../runtime/run-program.js";
import type { FloatTensor } from "../../runtime/session.js";
import { bringFile } from "../../runtime/workspace.js";
import { decodeFloats } from "../../safetensors/floats.js";

const PROGRAM = new URL("verify_modeling.py", MODELING_PARTS);

/** What transformers is to compute. */
export interface Question {
  readonly read: ReadModel;
  /** The folder's Python files that are run. */
  readonly modeling: readonly string[];
  /** For hidden states. */
  readonly batches: readonly Batch["inputs"][];
  /** For the outputs of the whole model; undefined for one without a head. */
  readonly head: Batch["inputs"] | undefined;
  /** A folder of our own. */
  readonly scratch: string;
  /** What the interpreter may take. */
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
  head: z.record(z.string(), z.array(z.int())),
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
  /** By the names that transformers gives them. */
  readonly head: Readonly<Record<string, FloatTensor>>;
}

/**
 * Opens a converted model with transformers, in a process of the interpreter, and runs it.
 * What transformers sees is a folder of our own with links to the model's files: nothing but config, weights and modelling
 * code is looked at, or run, and code of lsg 0.1.0 does not open in a folder whose name has a dot.
 * @returns `error` if transformers cannot open or run the folder, `unusable` if the interpreter cannot say
 */
export async function askTransformers(
  interpreter: string,
  { read, modeling, batches, head, scratch, limits, signal }: Question,
): Promise<Answer | { readonly error: string } | { readonly unusable: string }> {
  const own = join(scratch, "transformers");
  const [folder, output] = [join(own, "model"), join(own, "output")];
  await mkdir(output, { recursive: true });
  const { source } = read.read.checkpoint;
  for (const path of [...filesOf(read), ...modeling]) await bringFile(source, path, folder);
  const { stdout, failure } = await runProgram(interpreter, [fileURLToPath(PROGRAM)], {
    input: JSON.stringify({ folder, output, hidden: batches, head: head ?? null }),
    env: environment(own),
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
  const outputs = Object.entries(reply.head).map(
    async ([name, dims]) => [name, await tensor(`head-${name}`, dims)] as const,
  );
  return { ...reply, hidden, head: Object.fromEntries(await Promise.all(outputs)) };
}

function filesOf({ read: { checkpoint } }: ReadModel): string[] {
  const index = "model.safetensors.index.json";
  return [
    "config.json",
    ...checkpoint.weightFiles.map(({ path }) => path),
    ...(checkpoint.source.files.has(index) ? [index] : []),
  ];
}

/** Nothing is asked of the Hub, no older copy of modelling code is found, and nothing is left behind. */
function environment(own: string): Record<string, string> {
  return {
    HF_HUB_OFFLINE: "1",
    HF_HOME: join(own, "home"),
    HF_MODULES_CACHE: join(own, "modules"),
    PYTHONDONTWRITEBYTECODE: "1",
  };
}

function parseReply(stdout: string): z.output<typeof ReplySchema> | undefined {
  try {
    return ReplySchema.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}
