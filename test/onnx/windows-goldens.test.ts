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
import { open } from "./graphs.js";
import { goldenValues, readAsF32, TOLERANCE } from "./model-cases.js";

/** What fixtures/generate/windows_outputs.py describes. */
interface WindowsCase {
  readonly name: string;
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly windows: Readonly<Record<string, unknown>>;
  readonly part: "model" | "encoder" | "generate";
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly strides: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
}
const ROOT = process.env.WINDOWS_FIXTURES ?? FIXTURES;
const folderOf = (type: string) => join(ROOT, type, "windows");

describe.each(modelTypes().filter((type) => existsSync(folderOf(type))))("%s", (modelType) => {
  const cases = JSON.parse(readFileSync(join(folderOf(modelType), "cases.json"), "utf8")) as WindowsCase[];
  const tensors = readSafetensors(join(folderOf(modelType), "goldens.safetensors"));

  test.each(cases.filter(({ part }) => part !== "generate").map((one) => [one.name, one] as const))(
    "%s",
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
  // Its counts of labels are not those of the cases' heads.
  const { id2label: _, label2id: __, ...original } = JSON.parse(await readFile(join(source, "config.json"), "utf8"));
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
  const inputs: Inputs = Object.fromEntries(
    [...tensors].flatMap(([key, { shape, bytes }]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), { dims: shape, values: [...bytes] }]] : [],
    ),
  );
  const mask = inputs.attention_mask?.values ?? [];
  const found = await runModel(session, inputs);
  for (const [output, { dims, values }] of Object.entries(found)) {
    const stride = strides[kind]?.[length]?.[output];
    if (stride === undefined) continue;
    const expected = goldenValues(tensors, `${name}/${kind}/${length}/${output}`);
    const columns = axesOf(session.outputMetadata, output).includes("sequence_length") ? length : 1;
    const each = values.length / (mask.length / length) / columns;
    const isShown = (i: number) => {
      const place = Math.floor(i / each);
      return columns > 1 ? mask[place] !== 0 : mask.slice(place * length, (place + 1) * length).some(Boolean);
    };
    const wanted = expected.map((value, i) => (isShown(i * stride) ? value : Number.NaN));
    const actual = values.filter((_, i) => i % stride === 0);
    const difference = relativeDifference(actual, wanted);
    expect(difference, `${kind} ${length} ${output} ${dims}: ${difference}`).toBeLessThanOrEqual(TOLERANCE);
  }
}
