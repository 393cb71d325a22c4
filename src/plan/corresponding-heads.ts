import type {
  Activation,
  Architecture,
  Chain,
  Head,
  HeadOutput,
  Module,
} from "../architectures/architecture.js";
import type { Config } from "../checkpoint/checkpoint.js";
import { activationOf } from "../model/config.js";

/** A module by its full name, and the one that does the same in the source. */
interface ModulePair {
  readonly source: Module & { readonly inBase: boolean };
  readonly target: Module & { readonly inBase: boolean };
}

type Step = Activation | ModulePair["source"];

interface HeadOf {
  readonly architecture: Architecture;
  readonly head: Head;
}

/**
 * The modules of a source's head for those of its Longformer variant's. A pooler and the layer behind it are one
 * chain: BERT's classifier is a pooler and a linear layer, Longformer's head has both.
 * @returns pairs of modules, or the first step in which the two compute something else
 */
export function correspondingHeads(
  source: HeadOf,
  target: HeadOf,
  config: Config,
): { readonly pairs: readonly ModulePair[] } | { readonly reason: string } {
  const pairs: ModulePair[] = [];
  const given = chainsOf(source);
  for (const [name, wanted] of Object.entries(chainsOf(target))) {
    const own = given[name] ?? [];
    for (const [i, step] of (own.length > 0 ? wanted : []).entries()) {
      const other = own[i];
      if (typeof step === "string") {
        const found = typeof other === "string" ? nameOf(other, source.architecture, config) : undefined;
        const expected = nameOf(step, target.architecture, config);
        if (found !== expected) {
          return { reason: `its head has ${found ?? "no activation"} where the other has ${expected}` };
        }
      } else if (typeof other === "object" && other.kind === step.kind) {
        pairs.push({ source: other, target: step });
      } else {
        return { reason: "their heads have different layers" };
      }
    }
  }
  return { pairs };
}

/** What a head computes, by output; the base class's is its pooler. */
function chainsOf({ architecture, head }: HeadOf): Readonly<Record<string, readonly Step[]>> {
  const outputs = Object.entries(head.outputs);
  if (outputs.length === 0) return { pooler: head.pooler ? steps(architecture.pooler ?? [], true) : [] };
  return Object.fromEntries(outputs.map(([name, output]) => [name, outputSteps(architecture, output)]));
}

/** An activation as transformers names it. */
function nameOf(activation: Activation, architecture: Architecture, config: Config): unknown {
  return activation === "config" ? activationOf(architecture, config) : activation;
}

function outputSteps({ pooler }: Architecture, { from, chain }: HeadOutput): Step[] {
  return [...(from === "pooler" ? steps(pooler ?? [], true) : []), ...steps(chain, false)];
}

function steps(chain: Chain, inBase: boolean): Step[] {
  return chain.map((step) => (typeof step === "string" ? step : { ...step, inBase }));
}
