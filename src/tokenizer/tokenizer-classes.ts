/** How ids follow from the pieces of a sentencepiece model. */
export interface SentencepieceIds {
  /** Added to a piece's index. */
  readonly offset: number;
  /** Tokens with an id of their own, before the pieces. */
  readonly fixed: Readonly<Record<string, number>>;
  /** Tokens behind the last piece, in order. */
  readonly appended: readonly string[];
}

/** What a class puts around texts, where no tokenizer.json says it. */
export interface ClassTemplate {
  /** Tokens before a text that stands alone. */
  readonly head: number;
  /** Tokens behind it. */
  readonly tail: number;
  /** What stands between the two texts of a pair. */
  readonly between: readonly ("sep" | "eos")[];
  /** Whether it puts the token of its language there, whatever tokenizer.json says. */
  readonly ownLanguage?: true;
}

/** What a tokenizer class of transformers knows where a checkpoint's files are silent. */
export interface TokenizerClass {
  /** What it opens, all of it or no tokenizer. */
  readonly files: readonly string[];
  /** Has no counterpart that opens a tokenizer.json. */
  readonly slowOnly?: true;
  readonly bos?: string;
  readonly cls?: string;
  readonly mask?: string;
  readonly sep?: string;
  readonly eos?: string;
  /** Undefined where nothing is known but what a tokenizer.json says. */
  readonly template?: ClassTemplate;
  /** Where a sentencepiece model is all there is. */
  readonly sentencepiece?: SentencepieceIds;
  /** Its vocab.txt is a dictionary of fairseq's, lines of `token count`, numbered like this. */
  readonly dictionary?: SentencepieceIds;
}

const ONE_BETWEEN = { head: 1, tail: 1, between: ["sep"] } as const;
const TWO_BETWEEN = { head: 1, tail: 1, between: ["sep", "sep"] } as const;

const BERT: TokenizerClass = {
  files: ["vocab.txt"],
  cls: "[CLS]",
  mask: "[MASK]",
  sep: "[SEP]",
  template: ONE_BETWEEN,
};
const BOUNDS = { bos: "<s>", cls: "<s>", mask: "<mask>", sep: "</s>", template: TWO_BETWEEN };
const ROBERTA: TokenizerClass = { files: ["vocab.json", "merges.txt"], ...BOUNDS };

const PIECES = { files: ["spiece.model"] };
const FAIRSEQ_PIECES = { files: ["sentencepiece.bpe.model"] };
const FAIRSEQ_WORDS = { files: ["vocab.txt", "bpe.codes"], slowOnly: true } as const;

const AS_IN_THE_MODEL: SentencepieceIds = { offset: 0, fixed: {}, appended: [] };
const FAIRSEQ_TOKENS = { "<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3 };
const DICTIONARY: SentencepieceIds = { offset: 4, fixed: FAIRSEQ_TOKENS, appended: ["<mask>"] };

const MBART_LANGUAGES =
  "ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP " +
  "nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN";
const MBART50_LANGUAGES =
  `${MBART_LANGUAGES} af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN mn_MN mr_IN pl_PL ps_AF ` +
  "pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI";

/** `<unk_2>` … `<unk_102>` stand before Pegasus's pieces. */
const PEGASUS_UNUSED = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`<unk_${i + 2}>`, i + 4]));

/** fairseq's numbering of a sentencepiece model: its own four tokens, pieces from the third on, then the rest. */
const fairseq = (...appended: string[]): SentencepieceIds => ({ offset: 1, fixed: FAIRSEQ_TOKENS, appended });

/**
 * By class name without `Fast`: tokens from the constructors in transformers' `tokenization_*.py`, ids from
 * their `_convert_token_to_id`. transformers 4.40 and 5 agree on both, but for RemBERT's [UNK] and [PAD]: where no file
 * names them, transformers 5 adds others.
 */
export const TOKENIZER_CLASSES: Readonly<Record<string, TokenizerClass>> = {
  BertTokenizer: BERT,
  BertJapaneseTokenizer: { ...BERT, slowOnly: true },
  DistilBertTokenizer: BERT,
  ElectraTokenizer: BERT,

  RobertaTokenizer: ROBERTA,
  BartTokenizer: ROBERTA,
  MPNetTokenizer: { files: ["vocab.txt"], ...BOUNDS },
  LongformerTokenizer: ROBERTA,
  LEDTokenizer: ROBERTA,
  BertweetTokenizer: { ...FAIRSEQ_WORDS, ...BOUNDS, dictionary: DICTIONARY },
  PhobertTokenizer: { ...FAIRSEQ_WORDS, ...BOUNDS, dictionary: DICTIONARY },

  BertGenerationTokenizer: {
    ...PIECES,
    slowOnly: true,
    bos: "<s>",
    sep: "<::::>",
    template: { head: 0, tail: 0, between: [] },
    sentencepiece: AS_IN_THE_MODEL,
  },

  AlbertTokenizer: { bos: "[CLS]", ...BERT, ...PIECES, sentencepiece: AS_IN_THE_MODEL },
  BarthezTokenizer: { ...FAIRSEQ_PIECES, ...BOUNDS, sentencepiece: AS_IN_THE_MODEL },
  CamembertTokenizer: {
    ...FAIRSEQ_PIECES,
    ...BOUNDS,
    sentencepiece: { offset: 4, fixed: { "<pad>": 1, "<unk>": 3 }, appended: ["<mask>"] },
  },
  MBartTokenizer: {
    ...FAIRSEQ_PIECES,
    ...BOUNDS,
    template: { head: 0, tail: 2, between: [], ownLanguage: true },
    sentencepiece: fairseq(...MBART_LANGUAGES.split(" "), "<mask>"),
  },
  MBart50Tokenizer: {
    ...FAIRSEQ_PIECES,
    template: { head: 1, tail: 1, between: [], ownLanguage: true },
    cls: "<s>",
    mask: "<mask>",
    sentencepiece: fairseq(...MBART50_LANGUAGES.split(" "), "<mask>"),
  },
  PegasusTokenizer: {
    ...PIECES,
    mask: "<mask_2>",
    template: { head: 0, tail: 1, between: [] },
    sentencepiece: {
      offset: 103,
      fixed: { "<pad>": 0, "</s>": 1, "<mask_1>": 2, "<mask_2>": 3, ...PEGASUS_UNUSED },
      appended: [],
    },
  },
  RemBertTokenizer: {
    ...BERT,
    files: ["sentencepiece.model"],
    bos: "[CLS]",
    sentencepiece: AS_IN_THE_MODEL,
  },
  T5Tokenizer: {
    ...PIECES,
    eos: "</s>",
    template: { head: 0, tail: 1, between: ["eos"] },
    sentencepiece: AS_IN_THE_MODEL,
  },
  XLMRobertaTokenizer: { ...FAIRSEQ_PIECES, ...BOUNDS, sentencepiece: fairseq("<mask>") },

  // Whatever their files say, and nothing else.
  PreTrainedTokenizer: { files: ["tokenizer.json"] },
  TokenizersBackend: { files: ["tokenizer.json"] },
};
