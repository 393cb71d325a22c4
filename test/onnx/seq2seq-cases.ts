import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";
import { GENERATION_FILES, GRAPH_FILE } from "../../src/checkpoint/graph-files.js";
import { type Inputs, openModel, relativeDifference } from "../support/onnx.js";
import { goldenInputs, goldenValues, type OutputCase, type OutputGoldens, TOLERANCE } from "./model-cases.js";

type Values = Readonly<Record<string, ort.OnnxValue>>;
type Run = (feeds: Values) => Promise<Record<string, ort.Tensor>>;

/** A folder's graphs, to be run by their names. */
interface Graphs {
  readonly encode: Run;
  readonly decode: Run;
  /** Later passes: by the graph for them, or by the merged one. */
  readonly decodeLater: Run;
  readonly decodeMerged: Run;
}

/** Runs a converted or exported folder at every length of a case, and holds it against the goldens. */
export async function compareSeq2Seq(
  goldens: OutputGoldens,
  golden: OutputCase,
  folder: string,
): Promise<void> {
  const single = join(folder, "onnx", GRAPH_FILE);
  const graphs = graphsOf(folder);
  for (const length of golden.lengths) {
    const inputs = goldenInputs(goldens, golden.inputs, length);
    if (golden.part === "generate") {
      const expected = goldens.tensors.get(`${golden.name}/${length}/sequences`);
      for (const merged of [false, true]) {
        const found = await generate(generationGraphs(graphs), inputs, settings(folder, golden), merged);
        expect(found, `${golden.name}, ${length} tokens, merged ${merged}`).toEqual(rowsOf(expected));
      }
      continue;
    }
    const found = existsSync(single)
      ? await graphs.run(GRAPH_FILE)(fed(inputs))
      : await teacherForced(generationGraphs(graphs), inputs, golden.part === "encoder");
    const names = existsSync(single) ? (await graphs.open(GRAPH_FILE)).inputNames : ["decoder_input_ids"];
    compare(goldens, golden, length, found, inputs, names.includes("decoder_input_ids"));
  }
  await graphs.close();
}

/** Opens a folder's graphs when they are first run: a session takes longer to open than to run. */
function graphsOf(folder: string) {
  const sessions = new Map<string, Promise<ort.InferenceSession>>();
  const open = (file: string) => {
    const session = sessions.get(file) ?? openModel(join(folder, "onnx", file));
    sessions.set(file, session);
    return session;
  };
  const run =
    (file: string): Run =>
    async (feeds) => {
      const session = await open(file);
      const known = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
      return (await session.run(Object.fromEntries(known))) as Record<string, ort.Tensor>;
    };
  const close = () => Promise.all([...sessions.values()].map(async (session) => (await session).release()));
  return { open, run, close };
}

function generationGraphs({ run }: { run: (file: string) => Run }): Graphs {
  return {
    encode: run(GENERATION_FILES.encoder),
    decode: run(GENERATION_FILES.decoder),
    decodeLater: run(GENERATION_FILES.decoderWithPast),
    decodeMerged: run(GENERATION_FILES.merged),
  };
}

/** One pass of the decoder over all of its input. */
async function teacherForced(graphs: Graphs, inputs: Inputs, encoderOnly: boolean) {
  const { decoder_input_ids, ...own } = fed(inputs);
  const { attention_mask } = own;
  const { last_hidden_state: hidden } = await graphs.encode(own);
  if (!hidden) throw new Error("the encoder gave nothing");
  if (encoderOnly) return { last_hidden_state: hidden };
  const feeds = { encoder_attention_mask: attention_mask, encoder_hidden_states: hidden } as Values;
  const { logits } = await graphs.decode({ ...feeds, input_ids: decoder_input_ids } as Values);
  return { logits: logits as ort.Tensor, encoder_last_hidden_state: hidden };
}

interface Settings {
  readonly start: number;
  readonly end: number;
  readonly pad: number;
  readonly forcedFirst: number | undefined;
  readonly forcedLast: number | undefined;
  readonly newTokens: number;
}

/** What generate() of transformers takes from a folder. */
function settings(folder: string, { generate }: OutputCase): Settings {
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const config = read("config.json");
  const given = {
    ...config,
    ...(existsSync(join(folder, "generation_config.json")) && read("generation_config.json")),
  };
  return {
    start: given.decoder_start_token_id,
    end: given.eos_token_id,
    pad: given.pad_token_id,
    forcedFirst: given.forced_bos_token_id ?? undefined,
    forcedLast: given.forced_eos_token_id ?? undefined,
    newTokens: Number(generate?.max_new_tokens),
  };
}

/** Greedy search, each pass with what the earlier ones kept. */
async function generate(
  graphs: Graphs,
  inputs: Inputs,
  given: Settings,
  merged: boolean,
): Promise<number[][]> {
  const own = fed(inputs);
  const { attention_mask } = own;
  const { last_hidden_state: hidden } = await graphs.encode(own);
  if (!hidden) throw new Error("the encoder gave nothing");
  const rows = Array.from({ length: hidden.dims[0] ?? 0 }, () => [given.start]);
  const done = rows.map(() => false);
  const encoder = { encoder_attention_mask: attention_mask, encoder_hidden_states: hidden } as Values;
  let past: Record<string, ort.OnnxValue> = {};
  for (let step = 1; step <= given.newTokens && done.includes(false); step++) {
    const last = int64(
      [rows.length, 1],
      rows.map((row) => row.at(-1) ?? 0),
    );
    const feeds = { ...encoder, input_ids: last, ...past };
    const results = await (merged
      ? runMerged(graphs, feeds, step === 1, hidden)
      : step === 1
        ? graphs.decode(feeds)
        : graphs.decodeLater(feeds));
    past = kept(past, results);
    const scores = results.logits?.data as Float32Array;
    const vocab = scores.length / rows.length;
    rows.forEach((row, i) => {
      const own = scores.subarray(i * vocab, (i + 1) * vocab);
      const best = own.indexOf(own.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY));
      const forced = step === 1 ? given.forcedFirst : step === given.newTokens ? given.forcedLast : undefined;
      row.push(done[i] ? given.pad : (forced ?? best));
      done[i] ||= row.at(-1) === given.end;
    });
  }
  return rows;
}

/** The first pass of a merged graph wants a past as well, of no tokens. */
function runMerged(graphs: Graphs, feeds: Values, isFirst: boolean, hidden: ort.Tensor) {
  const use_cache_branch = new ort.Tensor("bool", [!isFirst], [1]);
  return graphs.decodeMerged({ ...(isFirst && emptyPast(hidden)), ...feeds, use_cache_branch });
}

/** More layers than the fixtures have: what a graph does not know is left out. */
function emptyPast({ dims: [batch = 1] }: ort.Tensor): Values {
  const none = () => new ort.Tensor("float32", new Float32Array(0), [batch, 2, 0, 16]);
  const names = Array.from({ length: 4 }, (_, i) =>
    ["decoder.key", "decoder.value", "encoder.key", "encoder.value"].map(
      (part) => `past_key_values.${i}.${part}`,
    ),
  ).flat();
  return Object.fromEntries(names.map((name) => [name, none()]));
}

/** Later passes give nothing for the encoder: what the first one gave stays. */
function kept(past: Values, results: Values): Record<string, ort.OnnxValue> {
  const next: Record<string, ort.OnnxValue> = { ...past };
  for (const [name, value] of Object.entries(results)) {
    const own = name.replace("present", "past_key_values");
    if (name.startsWith("present") && !(name.includes(".encoder.") && own in past)) next[own] = value;
  }
  return next;
}

/** Numbers of padding are nobody's result: of the encoder, whose padding comes behind its global tokens. */
function compare(
  { modelType, tensors }: OutputGoldens,
  golden: OutputCase,
  length: number,
  found: Readonly<Record<string, ort.Tensor>>,
  inputs: Inputs,
  takesDecoderInput: boolean,
): void {
  // A base model's graph makes its decoder's input itself: given another, only its encoder is the same.
  const makesInput = inputs.decoder_input_ids !== undefined && !takesDecoderInput;
  const names = Object.keys(golden.strides).filter(
    (name) => name in found && !(makesInput && !name.startsWith("encoder")),
  );
  expect(names.length, "outputs that both have").toBeGreaterThan(0);
  for (const name of names) {
    const { dims, data } = found[name] as ort.Tensor;
    const stride = golden.strides[name]?.[length] ?? 1;
    const isEncoders = golden.part === "encoder" || name.startsWith("encoder");
    const [, rows = 0, width = 1] = dims;
    const isHidden = (index: number) => {
      const [row, token] = [
        Math.floor(index / width / rows),
        (Math.floor(index / width) % rows) - (rows - length),
      ];
      return isEncoders && token >= 0 && inputs.attention_mask?.values[row * length + token] === 0;
    };
    const expected = goldenValues(tensors, `${golden.name}/${length}/${name}`);
    const visible = expected.map((value, i) => (isHidden(i * stride) ? Number.NaN : value));
    const actual = (data as Float32Array).filter((_, i) => i % stride === 0);
    const difference = relativeDifference(actual, visible);
    const what = `${modelType} ${golden.name}, ${length} tokens, ${name}: largest difference ${difference}`;
    expect(difference, `${what}, tolerance ${TOLERANCE}`).toBeLessThanOrEqual(TOLERANCE);
  }
}

function fed(inputs: Inputs): Record<string, ort.Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { dims, values }]) => [name, int64(dims, values)]),
  );
}

function int64(dims: readonly number[], values: readonly number[]): ort.Tensor {
  return new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [...dims]);
}

function rowsOf(tensor: { shape: readonly number[]; bytes: Buffer } | undefined): number[][] {
  if (!tensor) throw new Error("the goldens lack the sequences");
  const [rows = 0, length = 0] = tensor.shape;
  return Array.from({ length: rows }, (_, i) => [...tensor.bytes.subarray(i * length, (i + 1) * length)]);
}
