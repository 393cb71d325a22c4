import { codeOf, foreignKey, variantOf } from "../attention/variants.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { isRecord } from "../json/json-edit.js";
import type { Model } from "./model.js";
import { groupNames } from "./strangers.js";

/** Why the outputs of a checkpoint are not those of transformers' class for its model type. */
export interface OwnComputation {
  /** A sentence without its full stop. */
  readonly why: string;
  /** What would make it a checkpoint that lsg knows, where something does. */
  readonly remedy?: string;
}

/** How LoRA's weights are called by peft and loralib. */
const ADAPTER = /\.(lora_[AB]|lora_embedding_[AB]|base_layer|adapters?)(\.|$)/;

/** The modelling code of a variant's classes, ours and for LSG lsg-converter's, maybe of another repository. */
function codePattern(prefix: string): RegExp {
  return new RegExp(`^(.*--)?modeling_${prefix.toLowerCase()}_\\w+\\.${prefix}\\w+$`);
}

const MERGE =
  "Merge the adapter into the weights first: merge_and_unload() of peft does, or weight + lora_alpha / r * lora_B @ " +
  "lora_A by hand, under the weight's own name; convert the result.";

/**
 * Why nobody can say what a checkpoint's outputs were: they came from code that is not transformers', or from tensors
 * that its class for the model type does not have. Undefined where transformers' class, or its base model, made them.
 */
export function ownComputation(model: Model): OwnComputation | undefined {
  const { config, architecture, source } = model;
  const { title } = architecture;
  const code = ownCode(config, codeOf(variantOf(config, architecture))?.prefix);
  if (code !== undefined) {
    return {
      why: `config.json: auto_map opens ${code}, code of its own, and what that computes is not known`,
      remedy: `Only what transformers' own ${title} computes can be converted; if that is all it does, remove auto_map.`,
    };
  }
  const foreign = foreignKey(config, architecture);
  if (foreign) {
    return {
      why: `config.json has ${foreign.key}, which is ${foreign.of}'s and not ${title}'s: what its outputs were is not known`,
      remedy: `Convert the ${title} that was lengthened, before its attention was made one of windows.`,
    };
  }
  const isKnown = source.head !== undefined;
  const inside = model
    .strangers()
    .filter(({ place }) => place === "layer" || (!isKnown && place !== "head"))
    .map(({ tensor }) => tensor.sourceName);
  if (inside.length === 0) return undefined;
  const remedy = adapterRemedy(inside);
  return {
    why: `its base model holds tensors that transformers' ${title} lacks: ${groupNames(inside)}`,
    ...(remedy !== undefined && { remedy }),
  };
}

/** What to do with a checkpoint that has an adapter's tensors among its own; undefined for others. */
export function adapterRemedy(names: Iterable<string>): string | undefined {
  return [...names].some((name) => ADAPTER.test(name)) ? MERGE : undefined;
}

/**
 * The first class of its own that a config names for the model or its config; a tokenizer's computes nothing.
 * @param prefix of the classes that the checkpoint's variant has
 */
function ownCode({ auto_map: map }: Config, prefix: string | undefined): string | undefined {
  if (!isRecord(map)) return undefined;
  const keys = Object.keys(map).filter((key) => /^(TF|Flax)?AutoModel/.test(key));
  const classes = [...keys, "AutoConfig"].flatMap((key) => [map[key]].flat());
  const named = classes.filter((name): name is string => typeof name === "string");
  return named.find((name) => prefix === undefined || !codePattern(prefix).test(name));
}
