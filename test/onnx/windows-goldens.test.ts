import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { modelTypes } from "../../src/architectures/architectures.js";
import { openFolder } from "../../src/checkpoint/folder.js";
import { isModelWeights } from "../../src/checkpoint/left-out.js";
import { openWeights } from "../../src/checkpoint/weight-reader.js";
import { openModel as openSource } from "../../src/model/open.js";
import { copiedWeights } from "../../src/onnx/copied-weights.js";
import { encoderGraph, modelGraph } from "../../src/onnx/graph.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { axesOf, type Inputs, relativeDifference, runModel } from "../support/onnx.js";
import { type ReadTensor, readSafetensors, writeSafetensors } from "../support/safetensors.js";
import { shareOf } from "../support/variants.js";
import { open } from "./graphs.js";
import { goldenValues, readAsF32, TOLERANCE } from "./model-cases.js";

/** What fixtures/generate/windows_outputs.py describes. */
interface WindowsCase {
  readonly name: string;
  /** transformers' class. */
  readonly model: string;
  /** Config keys that are not the checkpoint's, and those of windows. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly windows: Readonly<Record<string, unknown>>;
  readonly part: "model" | "encoder" | "generate";
  /** Lengths by kind. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Of an output of a kind and length every so many numbers are there. */
  readonly strides: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
}

const folderOf = (modelType: string) => join(FIXTURES, modelType, "windows");
const TYPES = modelTypes().filter((type) => existsSync(folderOf(type)));

describe.each(TYPES.map((type, i) => [type, i] as const))("windows of %s", (modelType, i) => {
  const cases = JSON.parse(readFileSync(join(folderOf(modelType), "cases.json"), "utf8")) as WindowsCase[];
  const tensors = readSafetensors(join(folderOf(modelType), "goldens.safetensors"));
  const ofGraphs = cases.filter(({ part }) => part !== "generate").map((one) => [one.name, one] as const);

  test.each(shareOf(ofGraphs, i))(
    "%s computes what transformers' own model makes of each window",
    async (_, golden) => {
      const folder = await caseFolder(modelType, golden, tensors);
      const model = await openSource(await openFolder(folder)).model();
      const reader = await openWeights(model.checkpoint, () => ({}));
      const options = { attention: model.attention(), seed: 1 };
      const graph = golden.part === "encoder" ? encoderGraph : modelGraph;
      const session = await open(graph(model, copiedWeights(reader), options));
      for (const [kind, lengths] of Object.entries(golden.inputs)) {
        for (const length of lengths) await compareAt(golden, tensors, session, kind, length);
      }
      await session.release();
      await reader.close();
    },
  );
});

async function caseFolder(
  modelType: string,
  { name, model, config, windows }: WindowsCase,
  tensors: ReadonlyMap<string, ReadTensor>,
): Promise<string> {
  const source = join(FIXTURES, modelType, "checkpoint");
  const folder = join(await temporaryFolder(), "windows");
  await mkdir(folder);
  await cp(source, folder, { recursive: true, filter: (path) => !isModelWeights(basename(path)) });
  const original = JSON.parse(await readFile(join(source, "config.json"), "utf8"));
  const changed = { ...original, ...config, ...windows, architectures: [`Windows${model}`] };
  await writeFile(join(folder, "config.json"), JSON.stringify(changed));
  const own = (prefix: string) =>
    [...tensors].flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    );
  const weights = {
    ...(await readAsF32(source)),
    ...Object.fromEntries([...own(`weights/${windows.window_size}/`), ...own(`${name}/weights/`)]),
  };
  await writeFile(join(folder, "model.safetensors"), writeSafetensors(weights));
  return folder;
}

async function compareAt(
  { name, strides }: WindowsCase,
  tensors: ReadonlyMap<string, ReadTensor>,
  session: ort.InferenceSession,
  kind: string,
  length: number,
): Promise<void> {
  const prefix = `inputs/${kind}/${length}/`;
  const given: Inputs = Object.fromEntries(
    [...tensors].flatMap(([key, { shape, bytes }]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), { dims: shape, values: [...bytes] }]] : [],
    ),
  );
  const read = Object.entries(given).filter(([input]) => session.inputNames.includes(input));
  const found = await runModel(session, Object.fromEntries(read));
  const mask = given.attention_mask?.values ?? [];
  const isSeen = (row: number) => mask.slice(row * length, (row + 1) * length).some((seen) => seen !== 0);
  const compare = (output: string, actual: ArrayLike<number>, isDefined: (i: number) => boolean) => {
    const golden = goldenValues(tensors, `${name}/${kind}/${length}/${output}`);
    const expected = golden.map((value, i) => (isDefined(i) ? value : Number.NaN));
    const difference = relativeDifference(actual, expected);
    const at = `${kind}, ${length} tokens, ${output}: largest difference ${difference}, tolerance ${TOLERANCE}`;
    expect(difference, at).toBeLessThanOrEqual(TOLERANCE);
  };
  for (const [output, { values }] of Object.entries(found)) {
    // Of a base model that shifts its input by itself: the golden has a decoder's input of its own.
    if ("decoder_input_ids" in given && !session.inputNames.includes("decoder_input_ids")) continue;
    const stride = strides[kind]?.[length]?.[output];
    if (stride === undefined) continue;
    const isPerToken = axesOf(session.outputMetadata, output)[1] === "sequence_length";
    const each = values.length / (isPerToken ? mask.length : mask.length / length);
    const every = values.filter((_, i) => i % stride === 0);
    compare(output, every, (i) => {
      const place = Math.floor((i * stride) / each);
      return isPerToken ? mask[place] !== 0 : isSeen(place);
    });
    if (strides[kind]?.[length]?.first_token === undefined) continue;
    const firsts = Array.from({ length: mask.length / length }, (_, row) =>
      Math.max(0, mask.slice(row * length, (row + 1) * length).indexOf(1)),
    );
    const states = firsts.flatMap((column, row) => [
      ...values.slice((row * length + column) * each, (row * length + column + 1) * each),
    ]);
    compare("first_token", states, (i) => isSeen(Math.floor(i / each)));
  }
}
