import { create, equals } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from "onnx-buf";
import {
  type AttributeValues,
  OPS,
  type OpArguments,
  type OpDeclaration,
  type OpResult,
  type OpType,
} from "./ops.js";
import { type ConstantDtype, constantTensor, onnxDataType } from "./tensor.js";

/** The domain of our functions. */
export const DOMAIN = "lsg";

declare const brand: unique symbol;
/** A tensor in a graph under construction. */
export interface Value {
  readonly name: string;
  readonly [brand]: true;
}

/** What an operator takes: a value, or integers, which become an int64 scalar or vector. */
export type Operand = Value | number | readonly number[];

/** The typed operators and what goes beside them, writing into one graph or function body. */
export type Op = { readonly [T in OpType]: (...args: OpArguments<T, Operand>) => OpResult<T, Value> } & {
  /** A constant; the same values are stored once. `dims` defaults to a vector's. */
  constant(dtype: ConstantDtype, values: ArrayLike<number>, dims?: readonly number[]): Value;
  /** A float scalar of the dtype of `like`. */
  scalarLike(value: number, like: Value): Value;
  /** Runs one of two branches; both yield as many values. */
  If<const T extends readonly Value[]>(
    condition: Value,
    thenBranch: () => T,
    elseBranch: () => T,
  ): { readonly [K in keyof T]: Value };
  /** Parts of the given sizes, which stand beside each other on an axis. */
  Split(x: Value, sizes: readonly number[], options: { readonly axis: number }): Value[];
  /** A node that calls a model-local function. */
  call(fn: OnnxFunction, ...inputs: Value[]): Value;
};

/** A model-local function with one output. One name has one body in a model. */
export interface OnnxFunction {
  readonly name: string;
  readonly proto: FunctionProto;
}

type NodeFields = Pick<Partial<NodeProto>, "attribute" | "domain">;

/** What graphs and function bodies share: nodes, unique names, constants, scopes. */
export function createBody() {
  const constants: NodeProto[] = [];
  const cache = new Map<string, Value>();
  const functions = new Map<string, OnnxFunction>();
  const uses = new Map<string, number>();
  const domains = new Set<string>();
  let memo = new Map<string, unknown>();
  let nodes: NodeProto[] = [];
  let path = "";

  /** The name itself the first time, then with a number behind it. */
  function unique(name: string): string {
    const count = uses.get(name) ?? 0;
    uses.set(name, count + 1);
    return count === 0 ? name : unique(`${name}_${count}`);
  }

  function declare(name: string): Value {
    if (uses.has(name)) throw new Error(`the graph already has a value "${name}"`);
    return value(unique(name));
  }

  function emit(opType: string, inputs: readonly Value[], outputs?: readonly Value[], rest: NodeFields = {}) {
    const name = unique(`${path}${opType}`);
    const results = outputs ?? [value(unique(`${name}_output_0`))];
    nodes.push(
      create(NodeProtoSchema, {
        name,
        opType,
        input: inputs.map((input) => input.name),
        output: results.map((output) => output.name),
        ...rest,
      }),
    );
    return results;
  }

  function constant(
    dtype: ConstantDtype,
    values: ArrayLike<number>,
    dims: readonly number[] = [values.length],
  ) {
    const key = `${dtype}[${dims}]${Array.from(values)}`;
    const known = cache.get(key);
    if (known) return known;
    const name = unique("Constant");
    const result = value(unique(`${name}_output_0`));
    const attributes = [tensorAttribute("value", constantTensor(dtype, dims, values))];
    constants.push(
      create(NodeProtoSchema, { name, opType: "Constant", output: [result.name], attribute: attributes }),
    );
    cache.set(key, result);
    return result;
  }

  function operand(given: Operand): Value {
    if (typeof given === "number") return constant("I64", [given], []);
    return isInts(given) ? constant("I64", given) : given;
  }

  function subgraph(name: string, build: () => readonly Value[]): GraphProto {
    const [outer, outerMemo] = [nodes, memo];
    nodes = [];
    memo = new Map(memo);
    const outputs = build().map((result) => {
      const output = value(unique(`${path}${name}_output`));
      emit("Identity", [result], [output]);
      return { name: output.name };
    });
    const graph = create(GraphProtoSchema, { name, node: nodes, output: outputs });
    nodes = outer;
    memo = outerMemo;
    return graph;
  }

  function once<T>(key: string, build: () => T): T {
    const known = memo.get(key) as T | undefined;
    if (known !== undefined) return known;
    const made = build();
    memo.set(key, made);
    return made;
  }

  const typed = Object.fromEntries(
    Object.keys(OPS).map((opType) => [opType, (...args: unknown[]) => emitTyped(opType as OpType, args)]),
  );

  function emitTyped(opType: OpType, args: unknown[]) {
    const { outputs, attributes, domain }: OpDeclaration = OPS[opType];
    const given = attributes && isAttributes(args.at(-1)) ? (args.pop() as Record<string, unknown>) : {};
    const kinds = Object.entries(attributes ?? {}) as [string, keyof AttributeValues][];
    const encoded = kinds.flatMap(([declared, kind]) => {
      const name = declared.replace("?", "");
      return given[name] === undefined ? [] : [attribute(name, kind, given[name] as never)];
    });
    const inputs = (args as Operand[]).map(operand);
    const several = outputs?.map((output) => value(unique(`${path}${opType}_${output}`)));
    const results = emit(opType, inputs, several, { attribute: encoded, ...(domain && { domain }) });
    if (domain) domains.add(domain);
    return outputs ? results : results[0];
  }

  const special: Pick<Op, "constant" | "scalarLike" | "If" | "Split" | "call"> = {
    constant,
    scalarLike: (number, like) =>
      once(
        `${number} like ${like.name}`,
        () => emit("CastLike", [constant("F32", [number], []), like])[0] as Value,
      ),
    If<const T extends readonly Value[]>(condition: Value, thenBranch: () => T, elseBranch: () => T) {
      const thenGraph = subgraph("then", thenBranch);
      const elseGraph = subgraph("else", elseBranch);
      const attribute = [graphAttribute("then_branch", thenGraph), graphAttribute("else_branch", elseGraph)];
      const outputs = thenGraph.output.map((_, i) => value(unique(`${path}If_output_${i}`)));
      emit("If", [condition], outputs, { attribute });
      return outputs as { readonly [K in keyof T]: Value };
    },
    Split(x, sizes, { axis }) {
      const parts = sizes.map(() => value(unique(`${path}Split_output`)));
      emit("Split", [x, constant("I64", sizes)], parts, { attribute: [attribute("axis", "int", axis)] });
      return parts;
    },
    call(fn, ...inputs) {
      const known = functions.get(fn.name);
      if (known && !equals(FunctionProtoSchema, known.proto, fn.proto)) {
        throw new Error(`two functions of this model are called "${fn.name}"`);
      }
      functions.set(fn.name, known ?? fn);
      return emit(fn.name, inputs, undefined, { domain: DOMAIN })[0] as Value;
    },
  };

  return {
    op: { ...typed, ...special } as Op,
    functions,
    /** Of the operators that are not ONNX's own. */
    domains,
    declare,
    lookup: value,
    emit,
    nodes: () => [...constants, ...nodes],
    /** What `build` made for this key, if it still can be seen: what a branch makes ends with it. */
    once,
    scope<T>(name: string, build: () => T): T {
      const outer = path;
      path = `${path}${name}/`;
      try {
        return build();
      } finally {
        path = outer;
      }
    },
  };
}

function value(name: string): Value {
  return { name } as Value;
}

function isInts(given: Value | readonly number[]): given is readonly number[] {
  return Array.isArray(given);
}

/** Attributes are the only plain objects among an operator's arguments that have no name. */
function isAttributes(given: unknown): boolean {
  return typeof given === "object" && given !== null && !Array.isArray(given) && !("name" in given);
}

function attribute<K extends keyof AttributeValues>(
  name: string,
  kind: K,
  value: AttributeValues[K],
): AttributeProto {
  return create(AttributeProtoSchema, { name, ...ENCODE[kind](value) });
}

function tensorAttribute(name: string, t: TensorProto): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.TENSOR, t });
}

function graphAttribute(name: string, g: GraphProto): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.GRAPH, g });
}

type Fields = Partial<Pick<AttributeProto, "type" | "i" | "f" | "ints">>;

const ENCODE: { readonly [K in keyof AttributeValues]: (value: AttributeValues[K]) => Fields } = {
  int: (value) => ({ type: AttributeProto_AttributeType.INT, i: BigInt(value) }),
  float: (value) => ({ type: AttributeProto_AttributeType.FLOAT, f: value }),
  ints: (value) => ({ type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) }),
  dtype: (value) => ({ type: AttributeProto_AttributeType.INT, i: BigInt(onnxDataType(value)) }),
};
