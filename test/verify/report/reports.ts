import type { Check } from "../../../src/verify/check.js";
import type { VerificationReport } from "../../../src/verify/report/report-schema.js";

/** A check with nothing but what every check has. */
export function check(overrides: Partial<Check> = {}): Check {
  return { id: "weights", title: "Tensors", verdict: "pass", detail: "39 tensors as planned.", ...overrides };
}

const PROMISED = [1, 2, 16, 17, 127, 128, 129, 255, 256, 257, 384, 511, 512];
const BEYOND = [513, 640, 768, 1024, 1536, 2048, 3072, 4095, 4096];

/** A sound conversion. */
export function passing(overrides: Partial<VerificationReport> = {}): VerificationReport {
  return {
    format_version: 2,
    converted: "roberta-base-lsg-4096",
    original: "FacebookAI/roberta-base",
    model_type: "roberta",
    architecture: "LSGRobertaForMaskedLM",
    max_sequence_length: { from: 512, to: 4096 },
    lossless_up_to: 512,
    hidden_states_up_to: 512,
    why: null,
    attention: {
      block_size: 128,
      num_global_tokens: 1,
      sparse_block_size: 128,
      sparsity_factor: 2,
      causal: false,
    },
    device: { name: "webgpu", detail: "SwiftShader; 97 % of the nodes on WebGPU, the others on CPU" },
    seed: 123,
    lengths: null,
    looked_up_to: { run: 4096, compared: 512 },
    checks: [
      check({ title: "Every tensor's bytes", detail: "205 tensors, 498.7 MB, byte for byte as planned." }),
      check({
        id: "config",
        title: "Config",
        detail: "27 keys of config.json are as planned; max_position_embeddings is 4098.",
      }),
      check({
        id: "attention-op",
        title: "Attention against its definition",
        detail: "The largest difference at 48 lengths is 4.8e-7 (at 257 tokens), at most 1e-5.",
        figure: { value: 4.8e-7, tolerance: 1e-5, length: 257 },
      }),
      check({
        id: "lossless",
        title: "Same outputs up to 512 tokens",
        detail:
          "The largest difference from the original at 26 inputs is 2.9e-6 (at 512 tokens), at most 1e-4.",
        figure: { value: 2.9e-6, tolerance: 1e-4, length: 512 },
      }),
      check({
        id: "drift",
        title: "Beyond 512 tokens",
        verdict: "stated",
        detail: "Cosine 0.99971 to the original where it can be asked; nothing was promised there.",
        figure: { value: 0.99971 },
      }),
      check({
        id: "fill-mask",
        title: "Fill-mask",
        detail: "The five likeliest words are the original's.",
        table: {
          head: ["original", "score", "converted", "score"],
          rows: [
            [" France", "0.271", " France", "0.271"],
            [" Paris", "0.0421", " Paris", "0.0421"],
            ["東京", "0.0103", "東京", "0.0103"],
          ],
        },
      }),
      check({
        id: "python",
        title: "The modelling code in Python",
        verdict: "skipped",
        detail: "Python is not installed, so transformers did not load the folder.",
      }),
    ],
    differences: [
      ...PROMISED.map((length, i) => ({ length, difference: i < 2 ? 0 : 3e-7 * (1 + i), tolerance: 1e-4 })),
      ...BEYOND.map((length, i) => ({ length, difference: 0.02 * (1 + i) })),
    ],
    costs: [128, 256, 512, 1024, 2048, 4096].map((length) => ({
      length,
      seconds: length * 1.7e-4,
      megabytes: 610 + length / 6,
    })),
    verdict: "sound",
    summary:
      "roberta-base-lsg-4096 computes what FacebookAI/roberta-base computes for inputs of up to 512 tokens, and every tensor is as planned.",
    ...overrides,
  };
}

/** One layer's key bias is zeroed: the bytes show it, and here the outputs too. */
export function failing(): VerificationReport {
  const { checks, differences, ...others } = passing();
  const names = Array.from({ length: 11 }, (_, i) => `roberta.encoder.layer.${i}.attention.self.key.bias`);
  return {
    ...others,
    checks: [
      {
        ...check(),
        title: "Every tensor's bytes",
        verdict: "fail",
        detail: "11 of 205 tensors are not as planned.",
        findings: names.map(
          (name) => `${name}: 768 F32 values differ, all of them 0; expected the original's.`,
        ),
        remedy: "Convert again: lsg convert FacebookAI/roberta-base roberta-base-lsg-4096 --force",
      },
      {
        ...check({ id: "lossless", title: "Same outputs up to 512 tokens" }),
        verdict: "fail",
        detail: "The largest difference from the original is 0.0312 (at 512 tokens), at most 1e-4.",
        figure: { value: 0.0312, tolerance: 1e-4, length: 512 },
      },
      ...checks.slice(1).filter(({ id }) => id !== "lossless"),
    ],
    differences: differences.map((at) =>
      at.length < 500 ? at : { ...at, difference: at.difference + 0.03 },
    ),
    verdict: "falls_short",
    summary:
      "roberta-base-lsg-4096 is not what was planned: 11 tensors differ, and outputs differ from the original's.",
  };
}

/** Nothing to compare with: what can be checked alone. */
export function withoutOriginal(): VerificationReport {
  return passing({
    original: null,
    lossless_up_to: null,
    hidden_states_up_to: null,
    why: null,
    device: null,
    model_type: null,
    architecture: null,
    max_sequence_length: null,
    attention: null,
    differences: [],
    costs: [],
    checks: [check({ id: "original", title: "Original", verdict: "skipped", detail: "None was at hand." })],
    verdict: "not_compared",
    summary: "What can be checked without the original is sound; nothing was compared.",
  });
}

/** Text that would break a page, a table, a code block or a terminal. */
export const HOSTILE =
  "<script>alert(1)</script> | `code` ``` \n# [x](javascript:alert(2)) ![y](z) \"'&amp; \u001b[2J\u0007 \u202egnp\ud800 @user $x$";

/** Hostile text wherever a report holds text. */
export function hostile(): VerificationReport {
  return passing({
    converted: HOSTILE,
    original: HOSTILE,
    model_type: HOSTILE,
    architecture: HOSTILE,
    device: { name: HOSTILE, detail: HOSTILE },
    checks: [
      {
        id: HOSTILE,
        title: HOSTILE,
        verdict: "fail",
        detail: HOSTILE,
        findings: [HOSTILE, "- - 1. nested?", "1. numbered", "| --- |"],
        remedy: HOSTILE,
        table: { head: [HOSTILE, HOSTILE], rows: [[HOSTILE, ""], [HOSTILE]] },
      },
    ],
    verdict: "falls_short",
    summary: HOSTILE,
  });
}
