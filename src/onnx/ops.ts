import type { Dtype } from "../safetensors/dtype.js";

/**
 * The opset of every graph and function: the lowest with LayerNormalization, the newest operator that we
 * use. The lower it is, the more runtimes load our graphs.
 */
export const OPSET = 17;

/** ONNX Runtime's own operators, which every build of it has. */
export const MICROSOFT_DOMAIN = "com.microsoft";

/**
 * One operator. Inputs and outputs by their names in the specification: `name?` may be left out at the end,
 * `...name` takes any number. Attributes by kind; `name?` has a default.
 */
export interface OpDeclaration {
  /** ONNX's own unless it is said. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, keyof AttributeValues>>;
}

/** What an attribute's kind takes. `dtype` is stored as the number of a TensorProto.DataType. */
export interface AttributeValues {
  readonly int: number;
  readonly float: number;
  readonly ints: readonly number[];
  readonly dtype: Dtype;
}

/** Every operator that our graphs use, ONNX's as opset 17 has them. The typed methods derive from it. */
export const OPS = {
  Abs: { inputs: ["X"] },
  Add: { inputs: ["A", "B"] },
  And: { inputs: ["A", "B"] },
  ArgMax: { inputs: ["data"], attributes: { "axis?": "int", "keepdims?": "int" } },
  Cast: { inputs: ["input"], attributes: { to: "dtype" } },
  CastLike: { inputs: ["input", "target_type"] },
  Concat: { inputs: ["...inputs"], attributes: { axis: "int" } },
  CumSum: { inputs: ["x", "axis"] },
  Div: { inputs: ["A", "B"] },
  DynamicQuantizeLinear: { inputs: ["x"], outputs: ["y", "y_scale", "y_zero_point"] },
  Equal: { inputs: ["A", "B"] },
  Erf: { inputs: ["input"] },
  Exp: { inputs: ["input"] },
  Expand: { inputs: ["input", "shape"] },
  Gather: { inputs: ["data", "indices"], attributes: { "axis?": "int" } },
  Gemm: {
    inputs: ["A", "B", "C?"],
    attributes: { "alpha?": "float", "beta?": "float", "transA?": "int", "transB?": "int" },
  },
  Greater: { inputs: ["A", "B"] },
  GreaterOrEqual: { inputs: ["A", "B"] },
  Identity: { inputs: ["input"] },
  LayerNormalization: {
    inputs: ["X", "Scale", "B?"],
    attributes: { "axis?": "int", "epsilon?": "float" },
  },
  Less: { inputs: ["A", "B"] },
  LessOrEqual: { inputs: ["A", "B"] },
  Log: { inputs: ["input"] },
  MatMul: { inputs: ["A", "B"] },
  MatMulInteger: { inputs: ["A", "B", "a_zero_point?", "b_zero_point?"] },
  MatMulNBits: {
    domain: MICROSOFT_DOMAIN,
    inputs: ["A", "B", "scales", "zero_points?"],
    attributes: { K: "int", N: "int", bits: "int", block_size: "int", "accuracy_level?": "int" },
  },
  Max: { inputs: ["...data_0"] },
  Min: { inputs: ["...data_0"] },
  Mod: { inputs: ["A", "B"] },
  Mul: { inputs: ["A", "B"] },
  Neg: { inputs: ["X"] },
  NonZero: { inputs: ["X"] },
  Not: { inputs: ["X"] },
  Or: { inputs: ["A", "B"] },
  Pad: { inputs: ["data", "pads", "constant_value?"] },
  Range: { inputs: ["start", "limit", "delta"] },
  ReduceL2: { inputs: ["data"], attributes: { axes: "ints", "keepdims?": "int" } },
  ReduceMax: { inputs: ["data"], attributes: { "axes?": "ints", "keepdims?": "int" } },
  ReduceMin: { inputs: ["data"], attributes: { "axes?": "ints", "keepdims?": "int" } },
  ReduceSum: { inputs: ["data", "axes"], attributes: { "keepdims?": "int" } },
  Relu: { inputs: ["X"] },
  Reshape: { inputs: ["data", "shape"] },
  ScatterND: { inputs: ["data", "indices", "updates"] },
  Shape: { inputs: ["data"], attributes: { "start?": "int", "end?": "int" } },
  Sigmoid: { inputs: ["X"] },
  Slice: { inputs: ["data", "starts", "ends", "axes?", "steps?"] },
  Softmax: { inputs: ["input"], attributes: { "axis?": "int" } },
  Sqrt: { inputs: ["X"] },
  Squeeze: { inputs: ["data", "axes"] },
  Sub: { inputs: ["A", "B"] },
  Tanh: { inputs: ["input"] },
  TopK: {
    inputs: ["X", "K"],
    outputs: ["Values", "Indices"],
    attributes: { "axis?": "int", "largest?": "int", "sorted?": "int" },
  },
  Transpose: { inputs: ["data"], attributes: { perm: "ints" } },
  Unsqueeze: { inputs: ["data", "axes"] },
  Where: { inputs: ["condition", "X", "Y"] },
} as const satisfies Record<string, OpDeclaration>;

export type OpType = keyof typeof OPS;

/** What an operator is called with: its inputs, then its attributes if it has any. */
export type OpArguments<T extends OpType, Operand> = [
  ...Inputs<(typeof OPS)[T]["inputs"], Operand>,
  ...((typeof OPS)[T] extends { attributes: infer A } ? AttributesArgument<A> : []),
];

/** One output, or a tuple of them where the declaration lists several. */
export type OpResult<T extends OpType, Value> = (typeof OPS)[T] extends { outputs: infer O }
  ? { -readonly [K in keyof O]: Value }
  : Value;

type Inputs<Names extends readonly string[], Operand> = Names extends readonly [
  infer Head extends string,
  ...infer Rest extends readonly string[],
]
  ? Head extends `...${string}`
    ? Operand[]
    : Head extends `${string}?`
      ? [] | [Operand, ...Inputs<Rest, Operand>]
      : [Operand, ...Inputs<Rest, Operand>]
  : [];

type AttributesArgument<A> = RequiredNames<keyof A> extends never ? [] | [Attributes<A>] : [Attributes<A>];
type RequiredNames<Key> = Key extends `${string}?` ? never : Key;
type Attributes<A> = {
  readonly [K in keyof A as K extends `${string}?` ? never : K]: ValueOf<A[K]>;
} & { readonly [K in keyof A as K extends `${infer Name}?` ? Name : never]?: ValueOf<A[K]> };
type ValueOf<Kind> = Kind extends keyof AttributeValues ? AttributeValues[Kind] : never;
