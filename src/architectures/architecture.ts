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
  readonly config: Readonly<Record<SizeName | "activation", ConfigKey>>;
  readonly positions: Positions;
  readonly encoder: Encoder;
  /** Of encoder-decoders; it stays as it is, but for its position table. */
  readonly decoder?: Decoder;
  /** From the first token's hidden state; the classes with `pooler: true` have it. */
  readonly pooler?: Chain;
  /** By the class name's ending: `ForMaskedLM`. `Model` is the base class, whatever its name ends with. */
  readonly heads: Readonly<Record<string, Head>>;
  /** The model type of its Longformer variant, which transformers opens itself; or why it has none. */
  readonly longformer?: { readonly modelType: string } | { readonly refused: string };
  /** Keys of training that the Longformer variant calls otherwise, by its names for them. */
  readonly longformerKeys?: Readonly<Record<string, string>>;
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
  | "layerGroups"
  | "layersPerGroup"
  | "heads"
  | "normEpsilon"
  | "initializerRange";

/** A key of config.json and transformers' default; a number alone is the same in every checkpoint. */
export type ConfigKey = readonly [key: string, fallback: number | string] | number;

/** A tensor dimension: a size of the config, the number of labels, or a number. */
export type Dim = SizeName | "labels" | number;

export interface Positions {
  /**
   * Rows before position 0. RoBERTa and its relatives number positions from `pad_token_id` + 1 on and give
   * padding a row of its own.
   */
  readonly offset: number | "pad_token_id + 1";
  /** Whether `max_position_embeddings` counts the offset rows. */
  readonly configCountsOffset: boolean;
  /** Sines and cosines of the position: a checkpoint may come without them, and longer tables are computed. */
  readonly sinusoidal?: boolean;
  /** The id that numbering passes over, where that is not `pad_token_id`: MPNet takes 1 for it, whatever the config says. */
  readonly paddingId?: number;
}

/** What is added to the scores of attention, by how far a key stands from its query: the same in every layer. */
export interface RelativeBias {
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
    readonly tokenType?: string;
    /** The table of global tokens that a conversion adds; a Longformer has none. */
    readonly global?: string;
    /**
     * Whether inputs have token types: then they are an input of the graph, and `--use-token-ids` adds type 0
     * to the global tokens. RoBERTa has the table and always takes its row 0; Longformer's inputs have types
     * where there are several.
     */
    readonly usesTokenTypes: boolean | "several";
    /** A second table of types, where a config key is true. Inputs don't choose: every token takes its row 0. */
    readonly taskType?: { readonly name: string; readonly where: string; readonly rows: ConfigKey };
    /** A linear layer from the embeddings' width to the hidden one. */
    readonly projection?: { readonly name: string; readonly when: "always" | "widths differ" };
    /** A config key: where it is true, word embeddings are multiplied by √width, the decoder's too. */
    readonly scaledWhere?: string;
  };
  /** With one counter for each `*` of the path. */
  readonly layers: Layers & {
    readonly repeat: readonly SizeName[];
    /** Of Longformers: attention in windows. */
    readonly global?: GlobalProjections;
  };
  readonly relativeBias?: RelativeBias;
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
  readonly start?: ConfigKey | "last token";
}

/** The classes of transformers that open a model by its task, and one of ours, which no architecture names. */
export type AutoClass =
  | "Model"
  | "MaskedLM"
  | "CausalLM"
  | "Seq2SeqLM"
  | "PreTraining"
  | "NextSentencePrediction"
  | "SequenceClassification"
  | "TokenClassification"
  | "QuestionAnswering"
  | "MultipleChoice"
  | "CandidateScoring";

/** One class of transformers: what it computes from the base model's output. */
export interface Head {
  /** The auto class that opens it: `MaskedLM` for `AutoModelForMaskedLM`; `Model` for `AutoModel`. */
  readonly auto: AutoClass;
  readonly pooler?: boolean;
  /** Runs with a causal mask (`is_decoder`). */
  readonly causal?: boolean;
  /** By ONNX output name. */
  readonly outputs: Readonly<Record<string, HeadOutput>>;
  /** Config keys that change what the class computes, with the values for which `outputs` holds. */
  readonly assumes?: Readonly<Record<string, unknown>>;
  /** Tokens to which a Longformer's class gives global attention by itself. */
  readonly globals?: "first token" | "question" | "answers";
  /** Labels that the class needs, whatever the config says: 2 for the ends of an answer. */
  readonly labels?: number;
}

export interface HeadOutput {
  /** Of an encoder-decoder tokens are the decoder's; the last end is the last `eos_token_id` of its input. */
  readonly from: "tokens" | "first token" | "last end" | "pooler";
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
  /** Whether the bias is a buffer [1, out] instead, zero where a checkpoint lacks it. */
  readonly biasIsBuffer?: boolean;
}

/** Whether a class writes texts, token by token: its decoder is exported with what it keeps between them. */
export function generates({ auto }: Pick<Head, "auto">): boolean {
  return auto === "Seq2SeqLM";
}

/** The model type of its Longformer variant, if it has one. */
export function longformerType({ longformer }: Architecture): string | undefined {
  return longformer && "modelType" in longformer ? longformer.modelType : undefined;
}

/** The encoder and, where there is one, the decoder. */
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

/** The output layer of a language model whose only bias is a buffer [1, vocab] named `bias`. */
export function bufferedDecoder(name: string, width: Dim, bias: string): Module {
  return { ...decoder(name, width, bias), biasIsBuffer: true };
}

/** Checks nothing at run time: it gives the table its type and leaves its literals as they are. */
export function defineArchitecture(architecture: Architecture): Architecture {
  return Object.freeze(architecture);
}
