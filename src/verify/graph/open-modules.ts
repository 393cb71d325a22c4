import { openWeights } from "../../checkpoint/weight-reader.js";
import type { Model } from "../../model/model.js";
import { type Modules, moduleTensor } from "../../model/modules.js";
import { stepTensors } from "../../model/steps.js";
import type { Batch } from "../../runtime/batch.js";
import { type FloatTensor, tokensOf } from "../../runtime/tensors.js";
import { modulesByDefinition } from "../definition/modules.js";

/** Modules with their weights at hand. */
export interface OpenModules {
  /** Whether they give vectors of tokens. */
  readonly perToken: boolean;
  /** What they make of a batch's last hidden state, by the graph's name for it. */
  run(hidden: FloatTensor, batch: Batch): Record<string, FloatTensor>;
}

/** Reads the weights of what follows a transformer, to compute it by its definition. */
export async function openModules({ checkpoint }: Model, modules: Modules): Promise<OpenModules> {
  const reader = await openWeights(checkpoint, () => ({}));
  const weights = new Map<string, ArrayLike<number>>();
  try {
    for (const { folder, name, shape } of modules.steps.flatMap(stepTensors)) {
      const tensor = moduleTensor(folder, name);
      weights.set(tensor, await reader.values({ tensor, start: 0, count: shape[0] ?? 1, step: 1 }));
    }
  } finally {
    await reader.close();
  }
  return {
    perToken: modules.output.perToken,
    run(hidden, { inputs, length, visible }) {
      const mask = Array.from(inputs.attention_mask?.values ?? []);
      const rows = visible.map((_, row) => row);
      const made = modulesByDefinition(modules, {
        tokens: rows.map((row) =>
          Array.from({ length }, (_, i) => Float64Array.from(tokensOf(hidden, row, i, i + 1))),
        ),
        mask: rows.map((row) => mask.slice(row * length, (row + 1) * length)),
        tensor: (name) => weights.get(name) ?? [],
      });
      const { name, perToken, width } = modules.output;
      const values = Float32Array.from(made.flat().flatMap((vector) => [...vector]));
      return { [name]: { dims: [rows.length, ...(perToken ? [length] : []), width], values } };
    },
  };
}
