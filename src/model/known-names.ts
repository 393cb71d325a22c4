import type { Architecture, Head } from "../architectures/architecture.js";
import type { HeadTensors } from "./classes.js";
import { baseSpecs, headSpecs, holdsHead, poolerSpecs, type Sizes, type TensorSpec } from "./tensor-specs.js";

/** Names of what the classes of a model type have. */
interface KnownNames {
  /** Tensors of the base model, by their names below it. */
  readonly baseNames: ReadonlySet<string>;
  /** LayerNorms: the base model's by their names below it, and those of all heads. */
  readonly norms: ReadonlySet<string>;
}

export function knownNames(architecture: Architecture, sizes: Sizes): KnownNames {
  const base = [...baseSpecs(architecture, sizes), ...poolerSpecs(architecture, sizes)];
  const { global } = architecture.encoder.embeddings;
  const heads = Object.values(architecture.heads).flatMap((head) => headSpecs(architecture, head, sizes));
  const norms = [...base, ...heads].filter(({ initial }) => initial === "ones");
  return {
    baseNames: new Set([...namesOf(base), ...(global === undefined ? [] : [`${global}.weight`])]),
    norms: new Set(namesOf(norms).map((name) => name.slice(0, -".weight".length))),
  };
}

/** Names of the tensors of a head that nothing else stands for: neither tied ones nor those that may be absent. */
function ownHeadNames(
  architecture: Architecture,
  head: Head,
  { sizes, tied }: { readonly sizes: Sizes; readonly tied: boolean },
): string[] {
  const isOwn = ({ optional, tiedTo, ownUnlessTied }: TensorSpec) =>
    !optional && !(tiedTo !== undefined && (tied || !ownUnlessTied));
  return namesOf(headSpecs(architecture, head, sizes).filter(isOwn));
}

/** What a checkpoint has of the heads of its model type. @param names of its tensors */
export function headTensors(
  names: ReadonlySet<string>,
  architecture: Architecture,
  sizes: Sizes,
  tied: boolean,
): HeadTensors {
  const own = (head: Head) => ownHeadNames(architecture, head, { sizes, tied });
  return {
    holds: (head) => holdsHead(names, architecture, head, sizes),
    lacks: (head) => own(head).length > 0 && !own(head).some((name) => names.has(name)),
  };
}

function namesOf(specs: readonly TensorSpec[]): string[] {
  return specs.map(({ name }) => name);
}
