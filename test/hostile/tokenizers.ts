import { edit } from "../verify/damage.js";

type Spoilt = Readonly<Record<string, (folder: string) => void>>;

/** Text that the sample of every verification holds, so that what is written for it is reached. */
const LONG_WORD = "adjourned without a vote";

/** Edits of tokenizer.json after which the tokenizer does not come to an end, or takes all memory. */
export const HOSTILE_TOKENIZERS = {
  "a pre-tokenizer whose regex backtracks": change((json) => {
    json.pre_tokenizer = split("(\\w+\\s?)+$x");
  }),
  "one in a sequence": change((json) => {
    json.pre_tokenizer = { type: "Sequence", pretokenizers: [split("((\\w+|\\s+|[.,;]+)+)+$x")] };
  }),
  "a normaliser whose regex backtracks": change((json) => {
    json.normalizer = replaceBy({ Regex: "(.*.*.*.*)*x$y" }, "");
  }),
  "a normaliser that doubles text": change((json) => {
    json.normalizer = {
      type: "Sequence",
      normalizers: new Array(40).fill(replaceBy({ Regex: "(.)" }, "aa")),
    };
  }),
  "a normaliser that doubles words, by a plain text": change((json) => {
    json.normalizer = { type: "Sequence", normalizers: new Array(40).fill(replaceBy({ String: "e" }, "ee")) };
  }),
} satisfies Spoilt;

/** The same where the tokenizer makes text of tokens. */
export const HOSTILE_DECODERS = {
  "a decoder whose regex backtracks": change((json) => {
    json.decoder = {
      type: "Sequence",
      decoders: [replaceBy({ Regex: "$" }, LONG_WORD.repeat(4)), replaceBy({ Regex: "(\\w+\\s?)+$x" }, "")],
    };
  }),
  "a decoder that doubles text": change((json) => {
    json.decoder = { type: "Sequence", decoders: new Array(60).fill(replaceBy({ Regex: "(.)" }, "aa")) };
  }),
} satisfies Spoilt;

// biome-ignore lint/suspicious/noExplicitAny: any file's content
function change(how: (json: any) => void): (folder: string) => void {
  return (folder) => edit(folder, "tokenizer.json", how);
}

function split(regex: string) {
  return { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false };
}

function replaceBy(pattern: object, content: string) {
  return { type: "Replace", pattern, content };
}
