import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";

const [FLOAT, INT64, BOOL] = [1, 7, 9];
const FAR = 2n ** 62n;

/** Nodes whose last output is a number, called `evil`. They run on every input. */
export const HOSTILE_NODES = {
  "a loop without an end": () => loopOf([node("Mul", ["state", "two"], ["next"])]),
  "loops in loops": () => {
    const inner = loopOf([node("Mul", ["state", "two"], ["next"])], "inner", "state");
    return loopOf([...inner, node("Identity", ["inner"], ["next"])]);
  },
  "a loop in a branch": () => [
    scalar("yes", BOOL, 1n),
    node("If", ["yes"], ["evil"], {
      then_branch: graph(
        [],
        [...loopOf([node("Mul", ["state", "two"], ["next"])], "then")],
        [value("then", FLOAT)],
      ),
      else_branch: graph([], [scalar("else", FLOAT, 1n)], [value("else", FLOAT)]),
    }),
  ],
  "a scan over billions": () => [
    vector("many", [2n ** 33n]),
    node("ConstantOfShape", ["many"], ["zeros"]),
    scalar("start", FLOAT, 0n),
    node("Scan", ["start", "zeros"], ["evil", "each"], {
      num_scan_inputs: 1n,
      body: graph(
        [value("state", FLOAT), value("one", FLOAT)],
        [node("Add", ["state", "one"], ["next"]), node("Identity", ["next"], ["out"])],
        [value("next", FLOAT), value("out", FLOAT)],
      ),
    }),
  ],
  "a terabyte at once": () => filled(2n ** 40n),
  "gigabytes, one after the other": () => filled(2n ** 31n),
} satisfies Readonly<Record<string, () => NodeProto[]>>;

/** Puts nodes into a graph, or into a function's body, so that its first output depends on them. */
export function poison(of: ModelProto | FunctionProto, nodes: readonly NodeProto[]): void {
  const body: GraphProto | FunctionProto | undefined = of.$typeName === "onnx.ModelProto" ? of.graph : of;
  const [first] = body?.output ?? [];
  const output = typeof first === "string" ? first : first?.name;
  const last = body?.node.find((one) => one.output.includes(output ?? ""));
  if (!body || !last || output === undefined) throw new Error("the graph has no output");
  last.output = last.output.map((name) => (name === output ? "honest" : name));
  body.node.push(...nodes, node("Add", ["honest", "evil"], [output]));
}

/** A loop that goes on as long as its numbers reach. @param state what it begins with: a number of its own */
function loopOf(body: NodeProto[], output = "evil", state?: string): NodeProto[] {
  const own = `${output}_state`;
  return [
    scalar(`${output}_trips`, INT64, FAR),
    scalar(`${output}_go`, BOOL, 1n),
    ...(state === undefined ? [scalar(own, FLOAT, 1n)] : []),
    node("Loop", [`${output}_trips`, `${output}_go`, state ?? own], [output], {
      body: graph(
        [
          value(`${output}_i`, INT64),
          value(`${output}_on`, BOOL),
          value(output === "inner" ? "inner_in" : "state", FLOAT),
        ],
        [
          ...(output === "inner" ? [] : [scalar("two", FLOAT, 2n)]),
          node("Identity", [`${output}_on`], [`${output}_still`]),
          ...body.map((one) => (output === "inner" ? renamed(one) : one)),
        ],
        [value(`${output}_still`, BOOL), value(output === "inner" ? "inner_next" : "next", FLOAT)],
      ),
    }),
  ];
}

function renamed(one: NodeProto): NodeProto {
  const names: Record<string, string> = { state: "inner_in", next: "inner_next" };
  const rename = (name: string) => names[name] ?? name;
  return create(NodeProtoSchema, { ...one, input: one.input.map(rename), output: one.output.map(rename) });
}

function filled(elements: bigint): NodeProto[] {
  return [
    vector("many", [elements]),
    node("ConstantOfShape", ["many"], ["zeros"]),
    node("Exp", ["zeros"], ["ones"]),
    node("ReduceSum", ["ones"], ["evil"], { keepdims: 0n }),
  ];
}

function node(
  opType: string,
  input: string[],
  output: string[],
  attributes: Readonly<Record<string, bigint | GraphProto>> = {},
): NodeProto {
  const attribute = Object.entries(attributes).map(
    ([name, one]): AttributeProto =>
      typeof one === "bigint"
        ? create(AttributeProtoSchema, { name, type: AttributeType.INT, i: one })
        : create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: one }),
  );
  return create(NodeProtoSchema, { opType, input, output, attribute });
}

function scalar(name: string, dataType: number, of: bigint): NodeProto {
  return constant(name, dataType, [], [of]);
}

function vector(name: string, of: readonly bigint[]): NodeProto {
  return constant(name, INT64, [BigInt(of.length)], of);
}

function constant(name: string, dataType: number, dims: bigint[], of: readonly bigint[]): NodeProto {
  const numbers = of.map(Number);
  const t = create(TensorProtoSchema, {
    dataType,
    dims,
    ...(dataType === INT64 && { int64Data: [...of] }),
    ...(dataType === FLOAT && { floatData: numbers }),
    ...(dataType === BOOL && { int32Data: numbers }),
  });
  const attribute = [create(AttributeProtoSchema, { name: "value", type: AttributeType.TENSOR, t })];
  return create(NodeProtoSchema, { opType: "Constant", output: [name], attribute });
}

function graph(input: ValueInfoProto[], nodes: NodeProto[], output: ValueInfoProto[]): GraphProto {
  return create(GraphProtoSchema, { name: "body", input, node: nodes, output });
}

function value(name: string, elemType: number): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType, shape: { dim: [] } } } },
  });
}
