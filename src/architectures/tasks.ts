/** What outputs are, or are made of: a state or score of each token, scores of a text, a place in it, another text. */
export type Outputs = "hidden states" | "tokens" | "classes" | "answers" | "texts";

/** All that follows from the auto class which opens a model; nothing else asks which one it is. */
export interface Task {
  /** optimum's name of the task; of pre-training, sentence pairs and candidates ours. */
  readonly name: string;
  readonly outputs: Outputs;
  /** Another of optimum's names for it. */
  readonly alias?: string;
  /** The Hub's name of it, its `pipeline_tag`; none where the Hub has no such task. */
  readonly hub?: string;
  /** The output that the Hub's task reads, where not every head has it. */
  readonly hubReads?: string;
  /** Inputs have one more axis, the choices, and so has the output. */
  readonly hasChoices?: true;
  /** Writes texts, token by token: the decoder is exported with what it keeps between them. */
  readonly generates?: true;
  /** Its scores are of all words. */
  readonly scoresWords?: true;
  /** Each token is told from those before it. */
  readonly isCausal?: true;
  /** Labels of the class, whatever the config says. */
  readonly labels?: number;
  /** What the graph calls the scores of each label, which are outputs of their own. */
  readonly outputByLabel?: readonly string[];
  /** One score a token has no axis of its own, as transformers squeezes it. */
  readonly squeezesOne?: true;
  /** Candidates can be found by its tokens' scores, or are. */
  readonly candidates?: "can be scored" | "are scored";
  /** What is shown of its outputs for a text; else the mean of the hidden states. */
  readonly answer?: "masked word" | "label" | "label of each token" | "text";
}

const BY_AUTO_CLASS = {
  Model: { name: "feature-extraction", outputs: "hidden states", hub: "feature-extraction" },
  MaskedLM: {
    name: "fill-mask",
    outputs: "tokens",
    hub: "fill-mask",
    scoresWords: true,
    answer: "masked word",
  },
  CausalLM: {
    name: "text-generation",
    outputs: "texts",
    hub: "text-generation",
    scoresWords: true,
    isCausal: true,
  },
  // Graphs that keep keys and values are the only ones that we write. The Hub has one task for all that generates.
  Seq2SeqLM: {
    name: "text2text-generation",
    outputs: "texts",
    alias: "text2text-generation-with-past",
    hub: "text-generation",
    generates: true,
    scoresWords: true,
    answer: "text",
  },
  // ELECTRA's tells replaced words, for which the Hub has no task: one score a token.
  PreTraining: {
    name: "pre-training",
    outputs: "tokens",
    hub: "fill-mask",
    hubReads: "prediction_logits",
    squeezesOne: true,
  },
  // Neither optimum nor the Hub has a task for it.
  NextSentencePrediction: { name: "next-sentence-prediction", outputs: "classes" },
  SequenceClassification: {
    name: "text-classification",
    outputs: "classes",
    hub: "text-classification",
    answer: "label",
  },
  TokenClassification: {
    name: "token-classification",
    outputs: "tokens",
    hub: "token-classification",
    candidates: "can be scored",
    answer: "label of each token",
  },
  QuestionAnswering: {
    name: "question-answering",
    outputs: "answers",
    hub: "question-answering",
    labels: 2,
    outputByLabel: ["start_logits", "end_logits"],
  },
  MultipleChoice: { name: "multiple-choice", outputs: "classes", hub: "multiple-choice", hasChoices: true },
  // No auto class of transformers: of a graph alone, whose checkpoint is a TokenClassification.
  CandidateScoring: { name: "candidate-scoring", outputs: "tokens", candidates: "are scored" },
} as const satisfies Readonly<Record<string, Task>>;

/** The classes of transformers that open a model by its task, and one of ours, which no architecture names. */
export type AutoClass = keyof typeof BY_AUTO_CLASS;

export const TASKS: Readonly<Record<AutoClass, Task>> = BY_AUTO_CLASS;

/** What a head's auto class says of it. */
export function taskOf({ auto }: { readonly auto: AutoClass }): Task {
  return TASKS[auto];
}

/** Whether a class is the base model's, without a head. */
export function isBase({ auto }: { readonly auto: AutoClass }): boolean {
  return auto === "Model";
}

/** The Hub's task of a head; undefined where it has none. */
export function hubTask(head: { readonly auto: AutoClass; readonly outputs: object }): string | undefined {
  const { hub, hubReads } = taskOf(head);
  return hubReads === undefined || Object.hasOwn(head.outputs, hubReads) ? hub : undefined;
}
