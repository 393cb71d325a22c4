/**
 * What is true of a model type and of no checkpoint in particular, as data. One file in `converters/`
 * holds one `Architecture`; everything that differs between model types stands there and nowhere else.
 */
export interface Architecture {
  /** `model_type` of config.json, and the file's name in `converters/`. */
  readonly modelType: string;
  /** For people: "XLM-RoBERTa". */
  readonly title: string;
  /** What transformers' class names begin with: "XLMRoberta" in `XLMRobertaForMaskedLM`. */
  readonly classPrefix: string;
  /** What the base model's tensors begin with inside a class with a head: "roberta". */
  readonly basePrefix: string;
  /** Where config.json keeps each size, and the value that transformers takes where the key is absent. */
  readonly config: Readonly<Record<ConfigName, ConfigKey>>;
  readonly positions: Positions;
  readonly encoder: Encoder;
  /** From the first token's hidden state; the classes with `pooler: true` have it. */
  readonly pooler?: Chain;
  /** By the class name's ending: `ForMaskedLM`. `Model` is the base class. */
  readonly heads: Readonly<Record<string, Head>>;
  /** transformers' tokenizer class for this model type, for folders that name none. */
  readonly tokenizerClass: string;
  /** Keys that servers want and this model type calls otherwise, by the size they hold. */
  readonly configAliases?: Readonly<Record<string, ConfigName>>;
}

/** The sizes and settings that the code asks of a config, whatever the model type calls them. */
export type ConfigName =
  | "vocab"
  | "positions"
  | "types"
  | "embedding"
  | "hidden"
  | "intermediate"
  | "layers"
  | "layerGroups"
  | "layersPerGroup"
  | "heads"
  | "activation"
  | "normEpsilon"
  | "initializerRange";

/** A key of config.json and transformers' default; a number alone is the same in every checkpoint. */
export type ConfigKey = readonly [key: string, fallback: number | string] | number;

/** A tensor dimension: a size of the config, the number of labels, or a number. */
export type Dim = ConfigName | "labels" | number;

export interface Positions {
  /**
   * Rows before position 0. RoBERTa and its relatives number positions from `pad_token_id` + 1 on and give
   * padding a row of its own.
   */
  readonly offset: 0 | "pad_token_id + 1";
  /** Whether `max_position_embeddings` counts the offset rows. */
  readonly configCountsOffset: boolean;
}

/** Module names below the base model; shapes follow from the roles. */
export interface Encoder {
  readonly embeddings: {
    readonly word: string;
    readonly position: string;
    readonly tokenType?: string;
    readonly norm: string;
    /** The table of global tokens that a conversion adds. */
    readonly global: string;
    /**
     * Whether inputs have token types: then they are an input of the graph, and `--use-token-ids` adds type 0
     * to the global tokens. RoBERTa has the table and always takes its row 0.
     */
    readonly usesTokenTypes: boolean;
    /** A linear layer from the embeddings' width to the hidden one. */
    readonly projection?: { readonly name: string; readonly when: "always" | "widths differ" };
  };
  readonly layers: {
    /** The path of one layer, with one `*` for each counter in `repeat`. */
    readonly path: string;
    readonly repeat: readonly ConfigName[];
    readonly query: string;
    readonly key: string;
    readonly value: string;
    readonly attentionOutput: string;
    readonly attentionNorm: string;
    readonly intermediate: string;
    readonly output: string;
    readonly outputNorm: string;
  };
}

/** One class of transformers: what it computes from the base model's output. */
export interface Head {
  /** The auto class that opens it: `MaskedLM` for `AutoModelForMaskedLM`; `Model` for `AutoModel`. */
  readonly auto: string;
  readonly pooler?: boolean;
  /** Runs with a causal mask (`is_decoder`). */
  readonly causal?: boolean;
  /** By ONNX output name. */
  readonly outputs: Readonly<Record<string, HeadOutput>>;
  /** Config keys that change what the class computes, with the values for which `outputs` holds. */
  readonly assumes?: Readonly<Record<string, unknown>>;
  /** Labels that the class needs, whatever the config says: 2 for the ends of an answer. */
  readonly labels?: number;
}

export interface HeadOutput {
  readonly from: "tokens" | "first token" | "pooler";
  readonly chain: Chain;
}

/** Layers applied one after the other; a string is an activation, `config` the config's own. */
export type Chain = readonly (Module | Activation)[];
export type Activation = "gelu" | "relu" | "tanh" | "config";

export interface Module {
  readonly kind: "linear" | "norm" | "decoder";
  readonly name: string;
  readonly out: Dim;
  readonly in: Dim;
  /** Name of the bias, where it is not `name.bias`. */
  readonly bias?: string;
}

/** A fully connected layer: weight [out, in] and bias [out]. */
export function linear(name: string, out: Dim, input: Dim): Module {
  return { kind: "linear", name, out, in: input };
}

/** A LayerNorm: weight and bias [width]. */
export function norm(name: string, width: Dim): Module {
  return { kind: "norm", name, out: width, in: width };
}

/**
 * The output layer of a language model: its weight [vocab, width] is the word embeddings' unless
 * `tie_word_embeddings` is false; `bias` holds what `name.bias` may repeat.
 */
export function decoder(name: string, width: Dim, bias: string): Module {
  return { kind: "decoder", name, out: "vocab", in: width, bias };
}

/** Checks nothing at run time: it gives the table its type and leaves its literals as they are. */
export function defineArchitecture(architecture: Architecture): Architecture {
  return Object.freeze(architecture);
}
