/**
 * SHA-256 of the Python files that earlier versions of lsg put into folders, by version and file, so that such folders
 * verify as before. A version whose files are others than the last one's leaves its own here.
 */
export const EARLIER_MODELING: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  [
    "0.1.0",
    {
      "lsg_attention.py": "4c2e82261f45e2b627d5df0af1047aa703a6096934987a6caec35089a334c2df",
      "lsg_base.py": "6965f34b9927c967f411f6b7d8d518a812c789ad913a82e079e3f504383b3aeb",
      "lsg_blocks.py": "7a0e966c2f74a4bb643dfe05cd5335d28b84541b825f4a0bbb670fdf5687c28f",
      "lsg_config.py": "593c1f08823b297273c4ca15d0ee4481389df0d8ca21c447534c4288ccbaab41",
      "lsg_cpu.py": "cf1bf7ccfd906d7531311e5ae9ad02a39af5d9246ddab626acc5fde4fb40c8da",
      "lsg_generation.py": "b6857693c0a1321173b5a45c1cc68b2b7bd670d7f65518f78b7cccc3201bfb0b",
      "lsg_layer.py": "57066189b5a0b6086d1edfeeb865254af4af4274183ed22f7fcba195d651cbaf",
      "lsg_layout.py": "64e53395d7b02f7121eee26849d7540c476367ccdeee774fdc7a5e8fccb1d9df",
      "lsg_model.py": "e7e149610517f87bcdef222b3cf4959c818ef8f5edd06fb91f527dbdd0944909",
      "lsg_seq2seq.py": "e7e122c4e35ac9cd62be5fdf89055ccd57bda53b91ec240875cfd873d54aa143",
      "lsg_sparsity.py": "d126873af8390ebbccb8a9f0f00a9edab8fc032e0b4b5b0f0b71e2c0567bbd8c",
      "modeling_lsg_albert.py": "7e4b0e4a1c7a24ecab2045032ae98ecb31cb67d0df65305dea2fe09ef2425f60",
      "modeling_lsg_bart.py": "c2c584503764e019bdea6631d897d9355b324737f3b088332b72d6ecbfbba4ec",
      "modeling_lsg_bert.py": "d912abbdaed132ce2da2cc984fde5c0e58f8f3725042145748011d727c5a06b2",
      "modeling_lsg_bert_generation.py": "a755395a777f8e201f727e72f0646b04dd3277e30bfaf5cdf0db8f4e8adb46df",
      "modeling_lsg_camembert.py": "4424fb2a0b1d2989db34250799c7ba6bcdb54f7d29570a026ef31f2682f92f28",
      "modeling_lsg_data2vec_text.py": "5ebf2a7c66a0f3af1175908fc253844898d78a6113d24c5d5e7851ff95356baf",
      "modeling_lsg_distilbert.py": "1e0e99ae04a14a9e51b587428ad6a22cfefe42d40005d5e584d89e44e0027638",
      "modeling_lsg_electra.py": "c6a80b615f5cc046082dddcd75bd8ae3032e107f70e9836d1b2f7aa3ed7bd5e4",
      "modeling_lsg_ernie.py": "4ece5790d64a8716d19e1267476ec342e85a09509452730e9b4dd72a78d61a50",
      "modeling_lsg_mbart.py": "b3da117690e1d92b5252abca16c869c0a1861908847cc3d6140185d170c149d4",
      "modeling_lsg_mpnet.py": "d378370c06b413c0383f7c1b9bb790f7ca305fb64226afc1865151a0f200066e",
      "modeling_lsg_pegasus.py": "b7c44bde3557d7870a4607703ad175b3a33a3c607566c63fb694005b321c9677",
      "modeling_lsg_roberta.py": "b65e658ffd62b2cd6c4e88028b0488258cbc6d7591c44ff222eacebca1171d63",
      "modeling_lsg_roberta_prelayernorm.py":
        "712e97fc5fbe1f460d741d72a473aab5eae2b37731a537183d27b84db3a871a3",
      "modeling_lsg_xlm_roberta.py": "077a5851cc57eb016f7f54e90c689396dfd9a07a76651c30eeaecaecd608af42",
      "modeling_lsg_xlm_roberta_xl.py": "eb076c5ef7f7896b5b2e9194908f60e8730a8265ac4f6090501c4fe28054b083",
    },
  ],
]);

/** What such a version did not write yet, though today's conversion does. */
export interface NotYetWritten {
  /** Paths in config.json. */
  readonly config: readonly string[];
  /** Files that it took for weights of the original, wherever they lay. */
  readonly files: RegExp;
  /** Entries of the weight files' metadata, which it copied as the original's had them. */
  readonly metadata: readonly string[];
}

const NOT_YET_WRITTEN: Readonly<Record<string, NotYetWritten>> = {
  "0.1.0": {
    config: ["tokenizer_class", "auto_map.AutoModelForNextSentencePrediction"],
    files:
      /\.((safetensors|bin|pt|pth|ckpt|h5|msgpack|ot|onnx|onnx_data|gguf|tflite|pb|mlmodel|npz)|(safetensors|bin|h5|msgpack)\.index\.json)$/,
    metadata: ["format"],
  },
};

/** @param version of a folder's record; the first ones did not name themselves */
export function notYetWritten(version = "0.1.0"): NotYetWritten | undefined {
  return NOT_YET_WRITTEN[version];
}
