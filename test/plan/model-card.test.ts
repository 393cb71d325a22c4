import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import bert from "../../converters/bert.js";
import type { AutoClass } from "../../src/architectures/tasks.js";
import { readLsgConfig } from "../../src/attention/lsg.js";
import { LsgConfigSchema, presetConfig } from "../../src/attention/lsg-config.js";
import { parseConvertOptions, resultOptions } from "../../src/options/options.js";
import { type ModelCardInputs, modelCard } from "../../src/plan/model-card.js";

const REVISION = "0123456789abcdef0123456789abcdef01234567";

function inputs(
  changes: Partial<ModelCardInputs> = {},
  given: Record<string, unknown> = {},
): ModelCardInputs {
  const options = resultOptions(parseConvertOptions(given));
  return {
    record: {
      format_version: 1,
      source: { model: "someone/tiny-bert", revision: REVISION },
      model_type: "bert",
      architecture: "LSGBertForMaskedLM",
      variant: "lsg",
      max_sequence_length: { from: 512, to: 4096 },
      options,
      promise: { lossless_up_to: 512, hidden_states_up_to: 512 },
    },
    attention: { kind: "lsg", config: readLsgConfig(presetConfig("faithful", 512), bert) },
    auto: "MaskedLM",
    created: [],
    carried: [],
    cuts: [],
    kind: undefined,
    beyond: "positions repeat",
    positions: undefined,
    isAffordable: true,
    originalCard: undefined,
    ...changes,
  };
}

const record = (changes: Partial<ModelCardInputs["record"]>) => ({
  record: { ...inputs().record, ...changes },
});

const metadataOf = (text: string) => parse(/^---\n([\s\S]*?)\n---\n/.exec(text)?.[1] ?? "");
const cardOf = (changes: Partial<ModelCardInputs>) => modelCard(inputs(changes));

const ORIGINAL = `---
license: apache-2.0
language:
- no
- en
tags:
- fill-mask
- lsg
datasets: wikipedia
pipeline_tag: fill-mask
base_model: someone/older
thumbnail: x.png
model-index:
- name: tiny
  results: []
---

# Tiny BERT

Its text.
`;

describe("modelCard", () => {
  it("lists the graphs that are written, in all their dtypes", () => {
    const { options } = inputs().record;
    const of = (given: Record<string, unknown>, auto: AutoClass = "MaskedLM") =>
      cardOf({ ...record({ options: { ...options, ...given } }), auto }).text.match(/`\S+\.onnx`/g);
    expect(of({})).toBeNull();
    expect(of({ onnx: ["q8", "fp32"] })).toEqual(["`onnx/model.onnx`", "`onnx/model_quantized.onnx`"]);
    expect(of({ onnx: ["fp16"], onnx_weights: "shared" })).toEqual(["`model_fp16.onnx`"]);
    expect(of({ onnx: ["q4"] }, "Seq2SeqLM")).toHaveLength(4);
    expect(of({ onnx: ["q4"], task: "feature-extraction" }, "Seq2SeqLM")).toEqual(["`onnx/model_q4.onnx`"]);
  });

  it("says what was made, how, and what it means", () => {
    const { text, notes } = modelCard(inputs({}, { maxSequenceLength: 4096, blockSize: 256 }));
    expect(notes).toEqual([]);
    expect(text).toMatchInlineSnapshot(`
      "---
      base_model: someone/tiny-bert
      library_name: transformers
      tags:
        - lsg
        - long-context
      ---

      # tiny-bert for 4096 tokens (LSG)

      This is [someone/tiny-bert](https://huggingface.co/someone/tiny-bert) (revision \`0123456789abcdef0123456789abcdef01234567\`), converted to \`LSGBertForMaskedLM\`: LSG attention (local, sparse, global), context raised from 512 to 4096 tokens. Nothing was trained.

      **Open it with \`trust_remote_code=True\`** (see [how](#how-to-open-it)). Without it transformers and sentence-transformers refuse it, with a \`ValueError\` that names \`lsg_needs_trust_remote_code\`: they would run full attention in the place of this model's, and give other outputs without a word.

      ## What is lossless

      - Inputs of up to 512 tokens: lossless. The outputs are the original's, but for rounding.
      - Longer inputs: positions repeat and attention is block-sparse. The original was trained for neither: for best results, fine-tune on long inputs.
      - Without training, a small masked language model lost as much as with disjoint chunks (.037 nats against .029); overlapping windows lost nothing. \`lsg evaluate\` measures this model on your own documents.

      ## Attention

      Up to 512 tokens every token sees every other one. Beyond, it sees its own block and both neighbours, and the global tokens (1).

      | key of config.json | value |
      | --- | --- |
      | \`adaptive\` | \`true\` |
      | \`block_size\` | \`256\` |
      | \`first_token_is_global\` | \`true\` |
      | \`lsh_num_pre_rounds\` | \`1\` |
      | \`mask_first_token\` | \`false\` |
      | \`num_global_tokens\` | \`1\` |
      | \`pool_with_global\` | \`true\` |
      | \`sparse_block_size\` | \`128\` |
      | \`sparsity_factor\` | \`2\` |
      | \`sparsity_type\` | \`none\` |

      ## How to open it

      \`\`\`python
      from transformers import AutoModelForMaskedLM, AutoTokenizer

      tokenizer = AutoTokenizer.from_pretrained("PATH_OR_ID")
      model = AutoModelForMaskedLM.from_pretrained("PATH_OR_ID", trust_remote_code=True)
      \`\`\`

      The attention is in the Python file beside the weights, which is why \`trust_remote_code=True\` is needed.

      For texts of up to 512 tokens transformers' own class does as well, without that file: \`AutoModelForMaskedLM.from_pretrained("PATH_OR_ID", _attn_implementation="eager")\`, or any client once the key \`_attn_implementation\` is deleted from config.json. Longer texts get other outputs there.

      A server that reads weights and config.json by itself (text-embeddings-inference's image for GPUs is one) heeds neither that file nor that key: it may run full attention without a warning, and its outputs are then not this model's beyond 512 tokens.

      ## How it was made

      By \`lsg convert\` with these options:

      | option | value |
      | --- | --- |
      | \`--preset\` | \`faithful\` |
      | \`--max-sequence-length\` | \`4096\` |
      | \`--global-positional-stride\` | \`64\` |
      | \`--keep-first-global-token\` | \`false\` |
      | \`--random-global-init\` | \`false\` |
      | \`--resize-lsg\` | \`false\` |
      | \`--use-token-ids\` | \`true\` |
      | \`--seed\` | \`123\` |
      | \`--run-test\` | \`false\` |
      | \`--block-size\` | \`256\` |
      "
    `);
  });

  it("carries over what stays true of the original, and leaves its scores behind", () => {
    const { text, notes } = cardOf({ originalCard: ORIGINAL });
    expect(notes).toEqual([]);
    expect(metadataOf(text)).toEqual({
      base_model: "someone/tiny-bert",
      library_name: "transformers",
      pipeline_tag: "fill-mask",
      license: "apache-2.0",
      language: ["no", "en"],
      datasets: "wikipedia",
      tags: ["lsg", "long-context", "fill-mask"],
    });
    expect(text.endsWith("\n\n## Card of the original\n\n# Tiny BERT\n\nIts text.\n")).toBe(true);
  });

  it("writes Norwegian such that Python's YAML does not read it as false", () => {
    expect(cardOf({ originalCard: "---\nlanguage: no\n---\n" }).text).toContain('language: "no"\n');
  });

  it("reads metadata with CRLF and a byte order mark", () => {
    const card = "\ufeff---\r\nlicense: mit\r\n---\r\nText.\r\n";
    const { text } = cardOf({ originalCard: card });
    expect(metadataOf(text).license).toBe("mit");
    expect(text.endsWith("## Card of the original\n\nText.\n")).toBe(true);
  });

  it("takes a card without metadata for text, from its first line on", () => {
    const { text, notes } = cardOf({ originalCard: "# Title\n\n---\nlicense: mit\n---\n" });
    expect(notes).toEqual([]);
    expect(metadataOf(text).license).toBeUndefined();
    expect(text).toContain("## Card of the original\n\n# Title\n\n---\nlicense: mit\n---\n");
  });

  it("names no base_model but the original's own for a folder, and not the folder's path", () => {
    const folder = record({ source: { model: "models/private/tiny-bert" } });
    const { text } = cardOf({ ...folder, originalCard: ORIGINAL });
    expect(metadataOf(text).base_model).toBe("someone/older");
    expect(text).toContain("\n# tiny-bert for 4096 tokens (LSG)\n");
    expect(text).not.toContain("models/private");
    expect(metadataOf(cardOf(folder).text).base_model).toBeUndefined();
  });

  it.each([
    ["a broken quote", '---\nlicense: "mit\n---\nText.', "Missing closing"],
    [
      "a key that stands there twice",
      "---\nlicense: mit\nlicense: gpl\n---\nText.",
      "Map keys must be unique",
    ],
    ["a list", "---\n- mit\n---\nText.", "it is no table of keys"],
    ["aliases that multiply", `---\na: &a [x]\n${bomb()}\n---\nText.`, "Excessive alias count"],
  ])("ignores metadata with %s, and says so", (_crime, originalCard, reason) => {
    const { text, notes } = cardOf({ originalCard });
    expect(notes).toEqual([expect.stringContaining(`README.md: the metadata was ignored: ${reason}`)]);
    expect(metadataOf(text).tags).toEqual(["lsg", "long-context"]);
    expect(text.endsWith("## Card of the original\n\nText.\n")).toBe(true);
  });

  it("leaves out values of a kind that the Hub would refuse, and says so", () => {
    const originalCard = "---\nlicense: {name: mit}\ntags: [a, 1]\nlibrary_name: 7\nlanguage:\n---\n";
    const { text, notes } = cardOf({ originalCard });
    expect(metadataOf(text)).toEqual({
      base_model: "someone/tiny-bert",
      library_name: "transformers",
      tags: ["lsg", "long-context"],
    });
    expect(notes).toEqual(
      ["library_name", "license", "tags"].map(
        (key) => `README.md: ${key} is neither a text nor a list of texts that can be seen; it was left out.`,
      ),
    );
  });

  it("promises nothing for a conversion that is not lossless", () => {
    const { text } = cardOf({
      ...record({ promise: { lossless_up_to: 0, hidden_states_up_to: 0 } }),
      attention: { kind: "lsg", config: LsgConfigSchema.parse(presetConfig("reference", 512)) },
    });
    expect(text).toContain("- Not lossless: the outputs differ from the original's at every length.\n");
    expect(text).toContain("- Long inputs: positions repeat");
    expect(text).toContain("its outputs are then not this model's.");
    expect(text).toContain("transformers' own class, with full attention, can be had all the same");
    expect(text).toContain(
      "both neighbours, 128 selected tokens on each side of these, and the global tokens (1).",
    );
    expect(text).not.toContain("lossless. The outputs are the original's");
  });

  it("speaks of no longer inputs where there are none", () => {
    const { text } = cardOf(record({ max_sequence_length: { from: 512, to: 512 } }));
    expect(text).not.toContain("Longer inputs");
  });

  it("says that a new head is untrained, and drops the original's task", () => {
    const { text } = cardOf({
      auto: "SequenceClassification",
      created: ["classifier.weight", "classifier.bias"],
      originalCard: ORIGINAL,
    });
    expect(text).toContain("- The head is new: its weights are random, and it must be trained.");
    expect(metadataOf(text).pipeline_tag).toBeUndefined();
    expect(text).toContain("AutoModelForSequenceClassification.from_pretrained(");
  });

  it("opens the base class with AutoModel", () => {
    expect(cardOf({ auto: "Model" }).text).toContain("model = AutoModel.from_pretrained(");
  });

  it("promises no more of the plain class than an LSG source's own attention allows", () => {
    const longer = {
      max_sequence_length: { from: 4096, to: 8192 },
      promise: { lossless_up_to: 4096, hidden_states_up_to: 4096 },
    };
    expect(cardOf(record(longer)).text).toContain("For texts of up to 512 tokens transformers' own class");
  });

  it("says of a Longformer, which transformers knows, nothing about code", () => {
    const attention = { kind: "longformer", config: { attention_window: [512] } } as const;
    const { text } = cardOf({ ...record({ variant: "longformer" }), attention });
    expect(text).not.toMatch(/trust_remote_code|_attn_implementation/);
    expect(text).toContain('model = AutoModelForMaskedLM.from_pretrained("PATH_OR_ID")');
  });

  describe("of windows", () => {
    const config = {
      window_size: 512,
      window_head: 1,
      window_tail: 1,
      window_separator: [4, 4],
      window_overlap: 128,
      window_merge: "max",
    } as const;
    const attention = { kind: "windows", config } as const;
    const windows = (changes: Partial<ModelCardInputs> = {}) =>
      cardOf({
        ...record({ variant: "windows", architecture: "WindowsBertForMaskedLM" }),
        attention,
        ...changes,
      }).text;

    it("says how long texts are read, and that nothing has to be trained", () => {
      const text = windows();
      expect(text).toContain("converted to `WindowsBertForMaskedLM`: the original in overlapping windows");
      expect(text).toContain("Inputs of up to 512 tokens: lossless.");
      expect(text).toContain("Longer inputs are read in windows of 512 tokens that overlap");
      expect(text).not.toContain("fine-tune on long inputs");
      expect(text).toContain("cut into windows of 512 tokens, of which neighbours share 128 or more");
      expect(text).toContain("gives the largest of what it gives in the windows");
      expect(text).toContain("| `window_separator` | `[4,4]` |");
    });

    it("opens with its code, and as the original without", () => {
      const text = windows();
      expect(text).toContain('AutoModelForMaskedLM.from_pretrained("PATH_OR_ID", trust_remote_code=True)');
      expect(text).toContain("open the original's class, which reads 512 tokens and fails with more");
      expect(text).toContain("pass `truncation=True, max_length=512` to it");
      expect(text).not.toContain("_attn_implementation");
    });

    it("tells a CrossEncoder how much it reads, which takes the table's size for a limit", () => {
      expect(windows({ kind: "CrossEncoder" })).toContain(
        'CrossEncoder("PATH_OR_ID", trust_remote_code=True, max_length=4096)',
      );
      expect(windows({ kind: "SentenceTransformer" })).toContain(
        'SentenceTransformer("PATH_OR_ID", trust_remote_code=True)',
      );
      expect(cardOf({ kind: "CrossEncoder" }).text).not.toContain("max_length");
    });
  });

  it("opens a sentence-transformers folder with that library", () => {
    const { text } = cardOf({ kind: "SentenceTransformer" });
    expect(text).toContain(
      'SentenceTransformer("PATH_OR_ID", config_kwargs={"_attn_implementation": "eager"})',
    );
    expect(text).toContain('model = SentenceTransformer("PATH_OR_ID", trust_remote_code=True)');
    expect(metadataOf(text).library_name).toBe("sentence-transformers");
  });

  it("lists the options by their flags, with values that cannot leave their cell", () => {
    const { text } = modelCard(
      inputs({}, { modelKwargs: { id2label: { 0: "a|b`c\n" } }, preset: "reference" }),
    );
    expect(text).toContain("| `--preset` | `reference` |\n");
    const [, cell = ""] = /^\| `--model-kwargs` \| <code>([^|`\\<>]*)<\/code> \|$/m.exec(text) ?? [];
    expect(cell.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))).toBe(
      '{"id2label":{"0":"a|b`c\\n"}}',
    );
    expect(text).not.toContain("| `--revision` |");
  });
});

/** Ten levels of ten aliases each. */
function bomb(): string {
  const names = "abcdefghij".split("");
  return names
    .slice(1)
    .map((name, index) => `${name}: &${name} [${Array(10).fill(`*${names[index]}`).join(",")}]`)
    .join("\n");
}
