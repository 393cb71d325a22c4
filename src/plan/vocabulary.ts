import type { Architecture } from "../architectures/architecture.js";
import { CheckpointError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { classSpecs, isTied, readSizes, sameShape, type TensorSpec } from "../model/tensor-specs.js";
import { isFloatDtype } from "../safetensors/dtype.js";
import type { TokenIdMap } from "../tokenizer/add-tokens.js";
import { layOut, newTensor } from "./tensors.js";
import type { TensorDraft } from "./types.js";
import type { WeightPlan } from "./weights.js";

export interface VocabularyInputs {
  readonly architecture: Architecture;
  readonly config: Config;
  readonly tokens: TokenIdMap;
  readonly seed: number;
}

/**
 * Gives every table of words rows for added tokens: embeddings, an output layer of its own and its bias. Rows that are
 * there stay, also those behind the tokenizer's last token, with which many vocabularies are padded. New ones are
 * drawn as transformers initialises them, the same for the same seed; biases are 0.
 * @throws CheckpointError for words that are not floats
 */
export function growVocabulary(weights: WeightPlan, inputs: VocabularyInputs): WeightPlan {
  const { architecture, tokens, seed } = inputs;
  const { vocab } = architecture.config;
  const config: Config = { ...inputs.config, ...Object.fromEntries(weights.configChanges) };
  const sizes = readSizes(architecture, config);
  const grown = { ...sizes, vocab: Math.max(sizes.vocab, ...Object.values(tokens).map((id) => id + 1)) };
  if (grown.vocab === sizes.vocab || typeof vocab === "number") return weights;

  const names = new Set(weights.shards.flatMap(({ tensors }) => [...tensors.keys()]));
  const prefix = [`${architecture.basePrefix}.`, ""].find((one) =>
    names.has(`${one}${architecture.encoder.embeddings.word}.weight`),
  );
  const { head } = weights.target;
  const after = classSpecs(architecture, head, grown, prefix ?? "");
  const specs = new Map(
    classSpecs(architecture, head, sizes, prefix ?? "").flatMap((before, i) => {
      const spec = after[i];
      return spec && !sameShape(before.shape, spec.shape) ? [[before.name, { before, spec }] as const] : [];
    }),
  );
  const grow = (draft: TensorDraft): TensorDraft => {
    const found = specs.get(draft.name);
    if (!found || !sameShape(draft.shape, found.before.shape)) return draft;
    return withRows(draft, found.spec, { tied: isTied(config), seed, ...sizes });
  };
  return {
    ...weights,
    configChanges: new Map([...weights.configChanges, [vocab[0], grown.vocab]]),
    shards: weights.shards.map((shard) => ({
      ...shard,
      tensors: layOut([...shard.tensors].map(([name, tensor]) => grow({ name, ...tensor }))),
    })),
  };
}

/** A tensor with drawn values behind its own, to make the shape that is wanted. */
function withRows(
  draft: TensorDraft,
  spec: TensorSpec,
  { tied, seed, initializerRange }: { tied: boolean; seed: number; initializerRange: number },
): TensorDraft {
  const { name, dtype, segments } = draft;
  if (!isFloatDtype(dtype)) {
    throw new CheckpointError(
      `--add-tokens: tensor "${name}" is ${dtype}, to which no rows can be added`,
      "Convert the model before it is quantised.",
    );
  }
  // Weights that are the same once more stay the same.
  const original = spec.tiedTo !== undefined && (tied || !spec.ownUnlessTied) ? spec.tiedTo : name;
  // A buffer of scores is one row of all words.
  const axis = spec.shape.findIndex((size, i) => size !== draft.shape[i]);
  const [known = 0, wanted = 0] = [draft.shape[axis], spec.shape[axis]];
  const { segments: drawn } = newTensor(
    { ...spec, name: `${original} from ${known} on`, shape: [wanted - known, ...spec.shape.slice(axis + 1)] },
    dtype,
    seed,
    initializerRange,
  );
  const rows = axis === 0 ? drawn : drawn.map((segment) => ({ ...segment, rowLength: 1 }));
  return { name, dtype, shape: spec.shape, segments: [...segments, ...rows] };
}
