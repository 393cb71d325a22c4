import type { Architecture, Attention } from "../architectures/architecture.js";
import { decoderPaths, layerPaths, type Sizes } from "../model/tensor-specs.js";

/** Modules that do the same in two architectures, by their names below the base models. */
type Pair = readonly [source: string, target: string];

const ATTENTION = ["query", "key", "value", "attentionOutput", "attentionNorm"] as const;
const FEED_FORWARD = ["intermediate", "output", "outputNorm"] as const;

/**
 * The source's module for each module of its Longformer variant, but for embeddings of positions and heads. The
 * projections of global tokens start as the ordinary ones.
 * @returns names below the base models, by the target's
 */
export function correspondingModules(
  source: Architecture,
  target: Architecture,
  sizes: Sizes,
): ReadonlyMap<string, string> {
  const [from, to] = [source.encoder.embeddings, target.encoder.embeddings];
  const pairs: Pair[] = [
    [from.word, to.word],
    ...(from.types.kind === "none" || to.types.kind === "none"
      ? []
      : [[from.types.table, to.types.table] as const]),
  ];
  const add = (from: AnyStack, to: AnyStack, paths: readonly [source: string[], target: string[]]) => {
    pairs.push(
      ...optional(from.embeddings.wordCopy, to.embeddings.wordCopy),
      ...optional(from.embeddings.norm, to.embeddings.norm),
      ...optional(from.norm, to.norm),
    );
    for (const [layer, path] of paths[1].entries()) {
      const own = paths[0][layer] ?? path;
      pairs.push(
        ...layerPairs(from.layers, to.layers).map(([a, b]): Pair => [`${own}.${a}`, `${path}.${b}`]),
      );
    }
  };
  add(source.encoder, target.encoder, [layerPaths(source, sizes), layerPaths(target, sizes)]);
  if (source.decoder && target.decoder) {
    add(source.decoder, target.decoder, [decoderPaths(source, sizes), decoderPaths(target, sizes)]);
  }
  return new Map(pairs.map(([from, to]) => [to, from]));
}

type AnyStack = Architecture["encoder"] | NonNullable<Architecture["decoder"]>;

function layerPairs(from: AnyStack["layers"], to: AnyStack["layers"]): Pair[] {
  const attention = (a: Attention, b: Attention) => ATTENTION.map((part): Pair => [a[part], b[part]]);
  const crosses = "cross" in from && "cross" in to ? attention(from.cross, to.cross) : [];
  const projections = ["query", "key", "value"] as const;
  const globals = "global" in to && to.global ? to.global : undefined;
  const own = "global" in from && from.global ? from.global : from;
  return [
    ...attention(from, to),
    ...crosses,
    ...FEED_FORWARD.map((part): Pair => [from[part], to[part]]),
    ...(globals ? projections.map((part): Pair => [own[part], globals[part]]) : []),
  ];
}

function optional(from: string | undefined, to: string | undefined): Pair[] {
  return from === undefined || to === undefined ? [] : [[from, to]];
}
