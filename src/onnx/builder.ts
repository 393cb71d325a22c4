import { create } from "@bufbuild/protobuf";
import {
  FunctionProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Dtype } from "../safetensors/dtype.js";
import { createBody, DOMAIN, type OnnxFunction, type Op, type Value } from "./body.js";
import { OPSET } from "./ops.js";
import { type Dimension, tensorType } from "./tensor.js";

/** IR version 8 came with opset 17 and knows model-local functions. */
const IR_VERSION = 8n;

/** The bytes of an initializer. A source is read only when the model is written. */
export type TensorData =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | { readonly kind: "source"; readonly length: number; readonly stream: () => AsyncIterable<Uint8Array> }
  | {
      readonly kind: "external";
      /** Path from the graph's folder. */
      readonly location: string;
      readonly offset: number;
      readonly length: number;
    };

/** A weight, by reference. */
export interface Initializer {
  readonly name: string;
  readonly dtype: Dtype;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** A model without its weights' bytes: what `writeModel` takes. */
export interface OnnxModel {
  /** All but the initializers. */
  readonly proto: ModelProto;
  readonly initializers: readonly Initializer[];
}

export interface GraphBuilder {
  readonly op: Op;
  /** Names what `body` builds `name/…`; scopes nest, so that viewers show layers. */
  scope<T>(name: string, body: () => T): T;
  /** What `build` makes, made once for each key; in a branch of an `If` once more. */
  once<T extends object>(key: string, build: () => T): T;
  input(name: string, dtype: Dtype, dims: readonly Dimension[]): Value;
  output(name: string, value: Value, dtype: Dtype, dims: readonly Dimension[]): void;
  /** Tells runtimes the shape of a value where it follows from numbers: they fuse what they know to be of one shape. */
  shaped(value: Value, dtype: Dtype, dims: readonly Dimension[]): Value;
  /** A weight under its own name. A name used twice is the same weight: tied weights are stored once. */
  initializer(initializer: Initializer): Value;
  model(): OnnxModel;
}

export function createGraph(name: string): GraphBuilder {
  const body = createBody();
  const inputs: ValueInfoProto[] = [];
  const outputs: ValueInfoProto[] = [];
  const known: ValueInfoProto[] = [];
  const initializers = new Map<string, Initializer>();
  const info = (name: string, dtype: Dtype, dims: readonly Dimension[]) =>
    create(ValueInfoProtoSchema, { name, type: tensorType(dtype, dims) });
  return {
    op: body.op,
    scope: body.scope,
    once: body.once,
    input(name, dtype, dims) {
      inputs.push(info(name, dtype, dims));
      return body.declare(name);
    },
    output(name, value, dtype, dims) {
      outputs.push(info(name, dtype, dims));
      body.emit("Identity", [value], [body.declare(name)]);
    },
    shaped(value, dtype, dims) {
      known.push(info(value.name, dtype, dims));
      return value;
    },
    initializer(initializer) {
      const given = initializers.get(initializer.name);
      if (given && isSameShape(given, initializer)) return body.lookup(initializer.name);
      const value = body.declare(initializer.name);
      initializers.set(initializer.name, initializer);
      return value;
    },
    model() {
      const graph = create(GraphProtoSchema, {
        ...{ name, node: body.nodes(), input: inputs, output: outputs, valueInfo: known },
      });
      const functions = [...body.functions.values()];
      const proto = create(ModelProtoSchema, {
        irVersion: IR_VERSION,
        producerName: "lsg-convert",
        opsetImport: [
          { domain: "", version: BigInt(OPSET) },
          ...(functions.length > 0 ? [DOMAIN] : []).map(firstVersion),
          ...[...body.domains].map(firstVersion),
        ],
        graph,
        functions: functions.map((fn) => fn.proto),
      });
      return { proto, initializers: [...initializers.values()] };
    },
  };
}

function isSameShape(a: Initializer, b: Initializer): boolean {
  return a.dtype === b.dtype && a.dims.join() === b.dims.join();
}

function firstVersion(domain: string) {
  return { domain, version: 1n };
}

/**
 * Defines a model-local function of the domain `lsg`.
 * @param signature its name, the names of its inputs and of its output, and what a viewer shows about it
 * @param build writes the body and returns the output
 */
export function defineFunction<const Names extends readonly string[]>(
  signature: { name: string; inputs: Names; output: string; doc: string },
  build: (op: Op, inputs: { readonly [K in Names[number]]: Value }) => Value,
): OnnxFunction {
  const body = createBody();
  const entries = signature.inputs.map((name) => [name, body.declare(name)]);
  const output = body.declare(signature.output);
  const result = build(body.op, Object.fromEntries(entries) as { [K in Names[number]]: Value });
  body.emit("Identity", [result], [output]);
  const proto = create(FunctionProtoSchema, {
    domain: DOMAIN,
    name: signature.name,
    input: [...signature.inputs],
    output: [signature.output],
    node: body.nodes(),
    opsetImport: [{ domain: "", version: BigInt(OPSET) }],
    docString: signature.doc,
  });
  return { name: signature.name, proto };
}
