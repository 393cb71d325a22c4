import type { Architecture, Head } from "../architectures/architecture.js";
import { baseSpecs, headSpecs, poolerSpecs, type Sizes, type TensorSpec } from "./tensor-specs.js";

/** Names of all tensors that the classes of a model type have: below the base model, and of all heads. */
export function knownNames(
  architecture: Architecture,
  sizes: Sizes,
): { readonly baseNames: ReadonlySet<string>; readonly headNames: ReadonlySet<string> } {
  const base = [...baseSpecs(architecture, sizes), ...poolerSpecs(architecture, sizes)];
  const { global } = architecture.encoder.embeddings;
  const heads = Object.values(architecture.heads).flatMap((head) => headSpecs(architecture, head, sizes));
  return {
    baseNames: new Set([...namesOf(base), ...(global === undefined ? [] : [`${global}.weight`])]),
    headNames: new Set(namesOf(heads)),
  };
}

/** Names of the tensors of a head that nothing else stands for: neither tied ones nor those that may be absent. */
export function ownHeadNames(
  architecture: Architecture,
  head: Head,
  { sizes, tied }: { readonly sizes: Sizes; readonly tied: boolean },
): string[] {
  const isOwn = ({ optional, tiedTo, ownUnlessTied }: TensorSpec) =>
    !optional && !(tiedTo !== undefined && (tied || !ownUnlessTied));
  return namesOf(headSpecs(architecture, head, sizes).filter(isOwn));
}

function namesOf(specs: readonly TensorSpec[]): string[] {
  return specs.map(({ name }) => name);
}
