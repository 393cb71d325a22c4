import type { Device } from "../base/device-names.js";
import type { Model } from "../model/model.js";
import { modelGraph } from "../onnx/graph.js";
import { graphSeed } from "../plan/conversion-record.js";
import type { Batch } from "../runtime/batch.js";
import type { GraphHost } from "../runtime/graph-host.js";
import { running } from "../runtime/open-runnable.js";
import type { FloatTensor } from "../runtime/tensors.js";
import type { Workspace } from "../runtime/workspace.js";

/** A model that gives its outputs for a batch, however they come about. */
export interface Scorer {
  /** By the names that exported graphs have: `logits`, `start_logits`, `last_hidden_state`, `sentence_embedding` … */
  outputs(batch: Batch): Promise<Readonly<Record<string, FloatTensor>>>;
  /** May be called twice. */
  close(): Promise<void>;
}

export interface ScorerOptions {
  readonly host: GraphHost;
  readonly workspace: Workspace;
  readonly device: Device;
  /** A task of optimum's; by default what the checkpoint is for. */
  readonly task: string | undefined;
}

/**
 * A model's weights in a graph of its own, in float32.
 * @throws CheckpointError if its tensors make no model, OptionError for a task that it has no head for
 */
export async function openWeights(
  model: Model,
  { host, workspace, device, task }: ScorerOptions,
): Promise<Scorer> {
  const { name } = model.checkpoint.source;
  const place = await workspace.place(model.checkpoint);
  const seed = await graphSeed(model.checkpoint.source, undefined);
  const graph = modelGraph(model, place.weights, { attention: model.attention(), seed, task });
  const path = await place.write("model", graph);
  const session = await running(`${name} cannot be loaded`, () => host.open(path, { device }));
  return {
    outputs({ inputs, length }) {
      const known = Object.entries(inputs).filter(([name]) => session.inputNames.includes(name));
      return running(`${name} does not run at ${length} tokens`, () =>
        session.run(Object.fromEntries(known)),
      );
    },
    close: () => session.close(),
  };
}
