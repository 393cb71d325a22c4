import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type GraphProto, type ModelProto, StringStringEntryProtoSchema } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { verify } from "../../src/commands/verify.js";
import { parseVerifyOptions } from "../../src/options/options.js";
import type { Check } from "../../src/verify/check.js";
import { keepTokenizers } from "../support/kept-tokenizers.js";
import { append, type Damage, editGraph, flipBit, put } from "./damage.js";
import { type Conversion, convertedSmallBert } from "./support.js";

keepTokenizers();

const GRAPH = "onnx/model.onnx";
const DATA = "onnx/model.onnx_data";

const embedded = convertedSmallBert({}, { onnx: true });
const dtypes = convertedSmallBert({}, { onnx: "fp16,q8" });
const external = convertedSmallBert({}, { onnx: true, onnxWeights: "external" });

const model = (change: (model: ModelProto) => void, file = GRAPH): Damage => editGraph(file, change);
const graph = (change: (graph: GraphProto) => void): Damage =>
  model(({ graph: body }) => {
    if (!body) throw new Error("there is no graph");
    change(body);
  });

/** Changes what the graph says of where its weights lie. */
const place = (key: string, how: (value: string) => string): Damage =>
  graph(({ initializer }) => {
    for (const { externalData } of initializer) {
      for (const entry of externalData) if (entry.key === key) entry.value = how(entry.value);
    }
  });

/** The check that fails first; what comes behind it is not looked at. */
async function firstToFail(folder: string, against: string): Promise<string | undefined> {
  const stop = new AbortController();
  let failed: string | undefined;
  const onCheck = ({ id, verdict }: Check) => {
    if (verdict === "fail") failed = id;
    if (verdict === "fail" || id === "transformers") stop.abort();
  };
  const options = parseVerifyOptions({ device: "cpu", lengths: [5], against });
  await verify(folder, options, { onCheck, signal: stop.signal }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return failed;
}

function damaged({ source, copy }: Conversion, damages: Readonly<Record<string, Damage>>): void {
  test.each(Object.entries(damages))("%s", async (_, damage) => {
    const folder = await copy();
    damage(folder);
    expect(await firstToFail(folder, source)).toBeDefined();
  });

  test("none at all", async () => {
    expect(await firstToFail(await copy(), source)).toBeUndefined();
  });
}

describe("a graph", () => {
  damaged(embedded, {
    "an attribute of a node": model(({ functions }) => {
      const attributes = functions.flatMap(({ node }) => node).flatMap(({ attribute }) => attribute);
      const value = attributes.find(({ t }) => (t?.rawData.length ?? 0) > 0)?.t;
      if (!value) throw new Error("no attribute is a tensor");
      value.rawData = Uint8Array.from(value.rawData, (byte, i) => (i === 0 ? byte ^ 1 : byte));
    }),
    "the smallest part of a number in a constant": graph(({ initializer }) => {
      const weights = initializer.find(({ rawData }) => rawData.length >= 16);
      if (!weights) throw new Error("there are no weights");
      weights.rawData = Uint8Array.from(weights.rawData, (byte, i) => (i === 0 ? byte ^ 1 : byte));
    }),
    "two nodes swapped": graph(({ node }) => node.push(...node.splice(-2, 1))),
    "a note on the model": model((whole) => {
      whole.docString = "x";
    }),
    "an entry of metadata": model(({ metadataProps }) => {
      metadataProps.push(create(StringStringEntryProtoSchema, { key: "x", value: "y" }));
    }),
    "the version of the format": model((whole) => {
      whole.irVersion += 1n;
    }),
    "another producer": model((whole) => {
      whole.producerName = "x";
    }),
    "the name of an axis": graph(({ input }) => {
      const { type } = input[0] as (typeof input)[0];
      if (type?.value.case !== "tensorType") throw new Error("the input is no tensor");
      const dim = type.value.value.shape?.dim[1];
      if (!dim) throw new Error("the input has no second axis");
      dim.value = { case: "dimValue", value: 32n };
    }),
    "a function less": model(({ functions }) => functions.splice(0, 1)),
    "bytes behind its end": append(GRAPH, "\u{10}x"),
    "data beside it that it does not name": put(DATA, "x"),
    "data by the other usual name": put("onnx/model.onnx.data", "x"),
  });
  damaged(dtypes, {
    "a bit in fp16": flipBit("onnx/model_fp16.onnx", -300),
    "a bit in q8": flipBit("onnx/model_quantized.onnx", -300),
    "one dtype in the place of another": (folder) =>
      writeFileSync(
        join(folder, "onnx/model_quantized.onnx"),
        readFileSync(join(folder, "onnx/model_fp16.onnx")),
      ),
  });
  damaged(external, {
    "data that lie elsewhere": place("location", () => "../model.safetensors"),
    "data by an absolute path": place("location", (name) => `/tmp/${name}`),
    "data by a longer path to the same file": place("location", (name) => `./${name}`),
    "data from another place on": place("offset", (offset) => String(Number(offset) + 4)),
    "a bit of the first number": flipBit(DATA, 0),
    "a byte behind the data": append(DATA, " "),
  });
});
