import type { Architecture, Head } from "../architectures/architecture.js";
import { type FirstTokenUse, firstTokenUse } from "../attention/windows.js";
import type { Modules } from "./modules.js";

/**
 * What is made of a row's first token: by the head, or by the pooling that follows.
 * @param head undefined for a class that is not known
 * @param modules what follows the transformer, if anything does
 */
export function firstTokenUseOf(
  architecture: Architecture,
  head: Head | undefined,
  modules: Modules | undefined,
): FirstTokenUse {
  const pools = modules?.steps.some((step) => step.kind === "pooling" && step.modes.includes("cls"));
  return pools === false ? "none" : firstTokenUse(architecture, head);
}
