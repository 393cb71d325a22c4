import type { Architecture } from "../architectures/architecture.js";
import { classKeyOf, classNameOf } from "../architectures/class-names.js";
import { isBase } from "../architectures/tasks.js";
import { OptionError } from "../base/errors.js";
import type { Config } from "../checkpoint/checkpoint.js";
import type { ModelClass } from "../model/classes.js";
import type { Model } from "../model/model.js";
import type { SourceTensor } from "../model/names.js";
import { findBase, positionOffset, positionTable } from "../model/positions.js";
import { classSpecs, type Sizes, typeTables } from "../model/tensor-specs.js";
import type { ConversionOptions } from "../options/options.js";
import { correspondingModules } from "./corresponding.js";
import { correspondingHeads } from "./corresponding-heads.js";
import { readsInput } from "./longformer-config.js";
import { type Lengthening, lengthenPositions } from "./positions.js";
import { headDtype } from "./reconcile.js";
import type { PlacedDraft } from "./shards.js";
import { copyOf, newTensor } from "./tensors.js";
import type { Segment, TensorDraft } from "./types.js";

export interface Assignment {
  readonly model: Model;
  readonly variant: Architecture;
  readonly target: ModelClass;
  readonly sizes: Sizes;
  readonly length: number;
  readonly config: Config;
  readonly options: ConversionOptions;
  readonly lengthening: Lengthening;
}

export interface Assigned {
  readonly placed: readonly PlacedDraft[];
  /** Names of the source's tensors that are in the result. */
  readonly used: ReadonlySet<string>;
  /** Tensors that the source did not have: a new head. */
  readonly created: readonly string[];
}

/**
 * Finds for every tensor of a Longformer what it is made of.
 * @throws OptionError if the source's head computes something else than the one it would become
 */
export function assignTensors(inputs: Assignment): Assigned {
  const { model, variant, target, sizes, options } = inputs;
  const prefix = target.head && isBase(target.head) ? "" : `${variant.basePrefix}.`;
  const names = sourceNames(inputs, prefix);
  const positions = positionDrafts(inputs, prefix);
  const placed: PlacedDraft[] = [];
  const used = new Set<string>();
  const created: string[] = [];
  const own = model.architecture.encoder.embeddings;
  const word = findBase(model.tensors, own.word) as SourceTensor;
  const [, taskTable] = typeTables(model.architecture, model.sizes);
  const task = taskTable && findBase(model.tensors, taskTable.table);
  const [typeTable] = typeTables(variant, sizes);
  for (const spec of classSpecs(variant, target.head, sizes, prefix)) {
    const table = positions.get(spec.name);
    const isTypes = spec.name === `${prefix}${typeTable?.table}.weight`;
    // Word embeddings that are not tied are the same once more where the source has them once.
    const repeats = !model.tied && spec.tiedTo !== undefined && !spec.ownUnlessTied ? [spec.tiedTo] : [];
    const found = [spec.name, ...repeats]
      .flatMap((name) => names.get(name) ?? [])
      .map((find) => find())
      .find((tensor) => tensor !== undefined);
    if (table) {
      placed.push(table.placed);
      if (table.sourceName !== undefined) used.add(table.sourceName);
    } else if (found) {
      used.add(found.sourceName);
      // Longformer's global projections start as copies; a tied weight that the source holds is kept.
      const draft = isTypes && task ? withTaskType(found, task) : copyOf(found);
      placed.push({ at: found.stored, draft: { ...draft, name: spec.name } });
    } else if (!(spec.tiedTo !== undefined && model.tied) && !spec.optional) {
      const draft = newTensor(
        isTypes ? { ...spec, initial: "zeros" } : spec,
        headDtype(model.tensors),
        options.seed,
        sizes.initializerRange,
      );
      placed.push({ at: word.stored, draft });
      if (!isTypes) created.push(spec.name);
    }
  }
  if (task) used.add(task.sourceName);
  return { placed, used, created };
}

/**
 * Token types with task type 0 added to each, as every token takes one of the former and that one of the latter. In
 * float32: a narrower sum would be another.
 */
function withTaskType(types: SourceTensor, task: SourceTensor): TensorDraft {
  const count = types.stored.shape[0] ?? 0;
  const terms = [
    [{ tensor: types.sourceName, start: 0, count, step: 1 }],
    [{ tensor: task.sourceName, start: 0, count, step: 0 }],
  ];
  return { ...copyOf(types), dtype: "F32", segments: [{ kind: "sum", count, terms }] };
}

/** Where the tensors of the result may come from, by their full names, the best first. */
function sourceNames({ model, variant, target, sizes, config }: Assignment, prefix: string) {
  const { architecture, tensors, source } = model;
  const base = (module: string, part: string) => () =>
    [...tensors.values()].find(({ baseName }) => baseName === `${module}.${part}`);
  const any = (name: string) => () => tensors.get(name);
  const names = new Map<string, (() => SourceTensor | undefined)[]>();
  for (const [to, from] of correspondingModules(architecture, variant, sizes)) {
    // A model lengthened under its old model type already has trained projections of global tokens.
    for (const part of ["weight", "bias"])
      names.set(`${prefix}${to}.${part}`, [base(to, part), base(from, part)]);
  }
  const key = classKeyOf(variant, target.className) ?? "";
  const isOwn = key === classKeyOf(architecture, source.className);
  const head = architecture.heads[key];
  if (!head || !target.head) return names;
  const found = correspondingHeads(
    { architecture, head },
    { architecture: variant, head: target.head },
    config,
  );
  if ("reason" in found && isOwn) {
    throw new OptionError(
      `--to longformer: ${source.className} cannot become a ${target.className}: ${found.reason}`,
      `Convert the base model: --architecture ${classNameOf(architecture, "Model")}.`,
    );
  }
  const pairs = "pairs" in found ? found.pairs : [];
  for (const { source: from, target: to } of pairs) {
    const name = to.inBase ? `${prefix}${to.name}` : to.name;
    const own = (part: string) => (from.inBase ? base(from.name, part) : any(`${from.name}.${part}`));
    names.set(`${name}.weight`, [own("weight")]);
    const biases = [own("bias"), ...(from.kind === "output" ? [any(from.bias.name)] : [])];
    names.set(to.kind === "output" ? to.bias.name : `${name}.bias`, biases.toReversed());
    if (to.kind === "output" && !model.tied) names.set(`${name}.bias`, biases);
  }
  return names;
}

/** The tables of positions by their full names: the encoder's lengthened, a decoder's only where it reads as much. */
function positionDrafts(inputs: Assignment, prefix: string) {
  const { model, variant, target, length, config, lengthening } = inputs;
  const stacks = [
    [model.architecture.encoder, variant.encoder, length],
    ...(model.architecture.decoder && variant.decoder
      ? [[model.architecture.decoder, variant.decoder, readsInput(target.head) ? length : undefined] as const]
      : []),
  ] as const;
  const offset = positionOffset(variant, config);
  return new Map(
    stacks.map(([from, to, wanted]) => {
      const table = positionTable(model, from.embeddings.position);
      const source = findBase(model.tensors, from.embeddings.position) as SourceTensor;
      const rows = wanted ?? table.maxLength;
      // Padding's rows belong to no position; a source without them gets zeros, as from transformers.
      const before: Segment[] | undefined =
        table.offset === offset
          ? undefined
          : offset === 0
            ? []
            : [{ kind: "sum", count: offset, terms: [{ kind: "constant", value: 0 }] }];
      const name = `${prefix}${to.embeddings.position}.weight`;
      const draft = {
        name,
        dtype: source.stored.dtype,
        shape: [offset + rows, ...source.stored.shape.slice(1)],
        segments: lengthenPositions(table, rows, { ...lengthening, before }),
      };
      return [name, { placed: { at: source.stored, draft }, sourceName: source.sourceName }];
    }),
  );
}
