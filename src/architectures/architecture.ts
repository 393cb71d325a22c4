import type { AutoClass } from "./tasks.js";

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
  /** What the base class's name ends with, where it is not `Model`: "Encoder" of `BertGenerationEncoder`. */
  readonly baseClass?: string;
  /** What the base model's tensors begin with inside a class with a head: "roberta". */
  readonly basePrefix: string;
  /** Where config.json keeps each size, and the value that transformers takes where the key is absent. */
  readonly config: Readonly<Record<SizeName, ConfigKey>> & {
    readonly activation: Exclude<ConfigKey, number>;
    /** Where output embeddings have a width of their own. */
    readonly outputEmbedding?: ConfigKey;
  };
  readonly positions: Positions;
  readonly encoder: Encoder;
  /** Of encoder-decoders; it stays as it is, but for its position table. */
  readonly decoder?: Decoder;
  /** From the first token's hidden state; the classes with `pooler: true` have it. */
  readonly pooler?: Chain;
  /** By the class name's ending: `ForMaskedLM`. `Model` is the base class, whatever its name ends with. */
  readonly heads: Readonly<Record<string, Head>> & { readonly Model: Head };
  readonly longformer: LongformerVariant;
  /** Classes of transformers that cannot be converted, by their names' endings, with the reason. */
  readonly refused?: Readonly<Record<string, string>>;
  /** transformers' tokenizer class for this model type, for folders that name none. */
  readonly tokenizerClass: string;
  /** Keys that servers want and this model type calls otherwise, by the size they hold. */
  readonly configAliases?: Readonly<Record<string, SizeName>>;
}

/** The numbers that the code asks of a config, whatever the model type calls them. */
export type SizeName =
  | "vocab"
  | "positions"
  | "types"
  | "embedding"
  | "hidden"
  | "intermediate"
  | "layers"
  | "heads"
  | "normEpsilon"
  | "initializerRange";

/** A key of config.json and transformers' default; a number alone is the same in every checkpoint. */
export type ConfigKey = readonly [key: string, fallback: number | string] | number;

/** A tensor dimension: a size of the config, the number of labels, or a number. */
export type Dim = SizeName | "outputEmbedding" | "labels" | number;

/** How a model knows where a token stands. */
export type Positions =
  /** A row for each index, behind some that are nobody's, which `max_position_embeddings` does not count. */
  | { readonly kind: "table"; readonly rowsBefore: number }
  /**
   * A row for each token that is not padding, from padding's id + 1 on; padding has a row of its own, and
   * `max_position_embeddings` counts all of them. MPNet's id is 1, whatever the config says.
   */
  | { readonly kind: "table behind padding"; readonly padding: "pad_token_id" | number }
  /** Sines and cosines of the index: a checkpoint may come without them, and longer tables are computed. */
  | { readonly kind: "sinusoidal" };

/** Tables of which each token takes the row of its type. */
export type TokenTypes =
  | { readonly kind: "none" }
  /** RoBERTa's inputs have no types: every token takes row 0. */
  | { readonly kind: "first row"; readonly table: string }
  /** Types are an input of the graph, and `--use-token-ids` adds type 0 to the global tokens. */
  | { readonly kind: "input"; readonly table: string }
  /** The same where the table has several rows; else every token takes row 0. */
  | { readonly kind: "input of several"; readonly table: string }
  /** A second table where a config key is true: inputs don't choose of it, every token takes its row 0. */
  | { readonly kind: "input and task"; readonly table: string; readonly task: TaskTypes };

export interface TaskTypes {
  readonly table: string;
  readonly rows: ConfigKey;
  readonly where: string;
}

/** What is added to the scores of attention, by how far a key stands from its query: the same in every layer. */
export interface RelativeBias {
  readonly kind: "buckets";
  /** Module of the table [rows, heads]: a row for each bucket of distances, and maybe more. */
  readonly table: string;
  readonly rows: Exclude<ConfigKey, number>;
  /** Half of them for keys that stand before their query, or at it; see `relativeBucket`. */
  readonly buckets: number;
  /** Keys that far away, and all beyond, share a bucket. */
  readonly maxDistance: number;
}

/** Module names below the base model; shapes follow from the roles. */
interface Stack {
  readonly embeddings: {
    readonly position: string;
    readonly norm?: string;
    /** Another name of the word embeddings: a checkpoint may hold either, or both. */
    readonly wordCopy?: string;
  };
  readonly layers: Layers;
  /** Behind the last layer. */
  readonly norm?: string;
}

/** Module names of one layer, below its path. */
export interface Layers extends Attention {
  /** The path of one layer, with one `*` for each counter. */
  readonly path: string;
  /** Where norms stand: behind each part's residual (post-norm), or before each part (pre-norm). */
  readonly norms: "after" | "before";
  readonly intermediate: string;
  readonly output: string;
  readonly outputNorm: string;
}

/** The projections of tokens with global attention. */
export interface GlobalProjections {
  readonly query: string;
  readonly key: string;
  readonly value: string;
}

export interface Attention {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly attentionOutput: string;
  readonly attentionNorm: string;
}

export interface Encoder extends Stack {
  readonly embeddings: Stack["embeddings"] & {
    readonly word: string;
    readonly types: TokenTypes;
    /** The table of global tokens that a conversion adds; a Longformer has none. */
    readonly global?: string;
    /** A linear layer from the embeddings' width to the hidden one. */
    readonly projection?: { readonly name: string; readonly when: "always" | "widths differ" };
    /** A config key: where it is true, word embeddings are multiplied by √width, the decoder's too. */
    readonly scaledWhere?: string;
  };
  readonly layers: Layers & {
    /** Without it each layer has weights of its own. */
    readonly sharing?: LayerSharing;
    /** Of Longformers: attention in windows. */
    readonly global?: GlobalProjections;
  };
  readonly relativeBias?: RelativeBias;
}

/**
 * Groups of layers, each used for an equal part of the depth, again and again: the path has a `*` for the group and one
 * for the layer in it.
 */
export interface LayerSharing {
  readonly kind: "groups";
  readonly groups: ConfigKey;
  readonly perGroup: ConfigKey;
}

/** A decoder with attention to the encoder's output. */
export interface Decoder extends Stack {
  readonly layers: Layers & { readonly cross: Attention };
  readonly config: Readonly<Record<"layers" | "heads" | "intermediate", ConfigKey>> & {
    /** Where the decoder's positions are counted apart. */
    readonly positions?: ConfigKey;
  };
  /** The ids of padding and of the end of a text. */
  readonly ids: Readonly<Record<"pad" | "end", ConfigKey>>;
  /**
   * What comes first where transformers makes the decoder's input of the encoder's, one token to the right: a
   * token, or each row's own last one that is not padding. Without it the decoder has an input of its own.
   */
  readonly start?: { readonly kind: "token"; readonly id: ConfigKey } | { readonly kind: "last token" };
}

/** The Longformer variant, which transformers opens itself, or why there is none. */
export type LongformerVariant =
  | {
      readonly modelType: string;
      /** Keys of training that the variant calls otherwise, by its names for them. */
      readonly keys?: Readonly<Record<string, string>>;
    }
  | { readonly refused: string };

/** One class of transformers: what it computes from the base model's output. */
export interface Head {
  /** The auto class that opens it: `MaskedLM` for `AutoModelForMaskedLM`; what follows from it is in `TASKS`. */
  readonly auto: AutoClass;
  readonly pooler?: boolean;
  /** By ONNX output name. */
  readonly outputs: Readonly<Record<string, HeadOutput>>;
  /** Config keys that change what the class computes, with the values for which `outputs` holds. */
  readonly assumes?: Readonly<Record<string, unknown>>;
  /** Tokens to which a Longformer's class gives global attention by itself. */
  readonly globals?: "first token" | "question" | "answers";
}

export interface HeadOutput {
  /** Of an encoder-decoder tokens are the decoder's; the last end is the last `eos_token_id` of its input. */
  readonly from: "tokens" | "first token" | "last end" | "pooler";
  readonly chain: Chain;
}

/** Layers applied one after the other; a string is an activation, `config` the config's own. */
export type Chain = readonly (Module | Activation)[];
export type Activation = "gelu" | "relu" | "tanh" | "config";

export type Module = LinearLayer | OutputLayer;

/** A fully connected layer, or a LayerNorm, whose two dimensions are the same. */
export interface LinearLayer {
  readonly kind: "linear" | "norm";
  readonly name: string;
  readonly out: Dim;
  readonly in: Dim;
}

/** The last layer of a language model: scores of all words. */
export interface OutputLayer {
  readonly kind: "output";
  readonly name: string;
  readonly out: "vocab";
  readonly in: Dim;
  /** Whether its weight [vocab, width] is the word embeddings' unless `tie_word_embeddings` is false. */
  readonly tied: boolean;
  readonly bias: OutputBias;
}

/** A parameter [vocab], which `name.bias` of the layer may repeat; or a buffer [1, vocab], zero where a checkpoint lacks it. */
export interface OutputBias {
  readonly kind: "parameter" | "buffer";
  readonly name: string;
}

/** The model type of its Longformer variant, if it has one. */
export function longformerType({ longformer }: Architecture): string | undefined {
  return "modelType" in longformer ? longformer.modelType : undefined;
}

export function stacksOf({ encoder, decoder }: Architecture): Stack[] {
  return decoder ? [encoder, decoder] : [encoder];
}

/**
 * Whether generate() writes no more than before, however long inputs become: a decoder whose positions are counted apart
 * keeps them.
 */
export function writesNoMore({ decoder }: Architecture): boolean {
  return decoder?.config.positions !== undefined;
}

/** A fully connected layer: weight [out, in] and bias [out]. */
export function linear(name: string, out: Dim, input: Dim): LinearLayer {
  return { kind: "linear", name, out, in: input };
}

/** A LayerNorm: weight and bias [width]. */
export function norm(name: string, width: Dim): LinearLayer {
  return { kind: "norm", name, out: width, in: width };
}

/** An output layer that may share the word embeddings' weight. @param bias the parameter's name */
export function outputLayer(name: string, width: Dim, bias: string): OutputLayer {
  return {
    kind: "output",
    name,
    out: "vocab",
    in: width,
    tied: true,
    bias: { kind: "parameter", name: bias },
  };
}

/** The same, whose only bias is a buffer. */
export function bufferedOutputLayer(name: string, width: Dim, bias: string): OutputLayer {
  return { ...outputLayer(name, width, bias), bias: { kind: "buffer", name: bias } };
}

/** An output layer whose weight is always its own, whatever `tie_word_embeddings` says. */
export function untiedOutputLayer(name: string, width: Dim): OutputLayer {
  return { ...outputLayer(name, width, `${name}.bias`), tied: false };
}

/** Checks nothing at run time: it gives the table its type and keeps its literals, so that a relative sees what it has. */
export function defineArchitecture<const A extends Architecture>(architecture: A): A {
  return Object.freeze(architecture);
}
