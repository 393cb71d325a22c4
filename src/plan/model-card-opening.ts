import { autoClassName } from "../architectures/class-names.js";
import { NEEDS_CODE } from "../architectures/modeling.js";
import type { AutoClass } from "../architectures/tasks.js";
import { codeOf, type LocalAttention, losslessLength } from "../attention/variants.js";
import { LIBRARIES, type ModelKind } from "../checkpoint/sentence-transformers/model-kind.js";
import type { ConversionRecord } from "./types.js";

/** What decides how a result is opened. */
export interface OpeningInputs {
  readonly record: ConversionRecord;
  readonly attention: LocalAttention;
  /** The auto class that opens the result: `MaskedLM` for `AutoModelForMaskedLM`, `Model` for `AutoModel`. */
  readonly auto: AutoClass;
  /** What opens it, where that is not transformers alone. */
  readonly kind: ModelKind | undefined;
}

/** A paragraph about what is needed to open the result, and what happens without; empty where nothing is. */
export function mustBeTrusted({ variant, max_sequence_length: { from } }: ConversionRecord): string {
  const code = codeOf(variant);
  if (!code) return "";
  return (
    "\n\n**Open it with `trust_remote_code=True`** (see [how](#how-to-open-it)). Without it transformers and " +
    (code.opensPlain
      ? `sentence-transformers open the original's class, which reads ${from} tokens and fails with more.`
      : `sentence-transformers refuse it, with a \`ValueError\` that names \`${NEEDS_CODE}\`: they would run full ` +
        "attention in the place of this model's, and give other outputs without a word.")
  );
}

/** How the result is opened, with its own code and without. */
export function opening({ record, attention, auto, kind }: OpeningInputs): string {
  const autoClass = autoClassName(auto);
  const { module, lengthArgument } = kind ? LIBRARIES[kind] : {};
  const opened = kind ?? `${autoClass}.from_pretrained`;
  const code = codeOf(attention.kind);
  // A table that is no longer than before is taken for a limit.
  const length =
    code?.opensPlain && lengthArgument ? `, ${lengthArgument}=${record.max_sequence_length.to}` : "";
  const more = code ? `, trust_remote_code=True${length}` : "";
  const example =
    module !== undefined
      ? [`from ${module} import ${kind}`, ""]
      : [
          `from transformers import ${autoClass}, AutoTokenizer`,
          "",
          'tokenizer = AutoTokenizer.from_pretrained("PATH_OR_ID")',
        ];
  const how = `## How to open it\n\n\`\`\`python\n${[...example, `model = ${opened}("PATH_OR_ID"${more})`].join("\n")}\n\`\`\``;
  if (!code) return how;
  if (code.opensPlain) {
    const { from } = record.max_sequence_length;
    return [
      how,
      "What puts windows together is in the Python file beside the weights, which is why `trust_remote_code=True` is needed.",
      `Every other client, and transformers without it, opens the original's class with the original's weights: for texts of ` +
        `up to ${from} tokens its outputs are the same. The tokenizer no longer cuts texts there: pass ` +
        `\`truncation=True, max_length=${from}\` to it.`,
    ].join("\n\n");
  }
  const plainUpTo = Math.min(
    record.promise.hidden_states_up_to,
    losslessLength(attention, record.max_sequence_length.from),
  );
  const setting = kind ? 'config_kwargs={"_attn_implementation": "eager"}' : '_attn_implementation="eager"';
  const plain = `\`${opened}("PATH_OR_ID", ${setting})\`, or any client once the key \`_attn_implementation\` is deleted from config.json`;
  return [
    how,
    "The attention is in the Python file beside the weights, which is why `trust_remote_code=True` is needed.",
    plainUpTo > 1
      ? `For texts of up to ${plainUpTo} tokens transformers' own class does as well, without that file: ${plain}. Longer ` +
        "texts get other outputs there."
      : `transformers' own class, with full attention, can be had all the same: ${plain}. Its outputs are not this model's.`,
    "A server that reads weights and config.json by itself (text-embeddings-inference's image for GPUs is one) heeds neither " +
      "that file nor that key: it may run full attention without a warning, and its outputs are then " +
      `${plainUpTo > 1 ? `not this model's beyond ${plainUpTo} tokens` : "not this model's"}.`,
  ].join("\n\n");
}
