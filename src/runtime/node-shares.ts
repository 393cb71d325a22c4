import { z } from "zod";

/** What one execution provider ran of a session's nodes. */
export interface NodeShare {
  /** ONNX Runtime's name: `CPUExecutionProvider`, `WebGpuExecutionProvider` … */
  readonly provider: string;
  readonly nodes: number;
  /** Of all nodes, in [0, 1]. */
  readonly share: number;
  /** The kinds of its nodes in alphabetical order: `Add`, `MatMul` … */
  readonly operators: readonly string[];
}

/** The events of a profile; a node's have a provider. */
const ProfileSchema = z.array(
  z.object({
    cat: z.string(),
    args: z.object({ provider: z.string().optional(), op_name: z.string().optional() }).optional(),
  }),
);

/**
 * Counts the node runs in a profile of ONNX Runtime: a node that ran in three runs counts three times.
 * @param profile the JSON text
 * @returns the largest share first; empty if nothing was run
 */
export function nodeSharesOf(profile: string): NodeShare[] {
  const operators = new Map<string, string[]>();
  for (const { cat, args } of ProfileSchema.parse(JSON.parse(profile))) {
    if (cat !== "Node" || args?.provider === undefined || args.op_name === undefined) continue;
    const seen = operators.get(args.provider);
    if (seen) seen.push(args.op_name);
    else operators.set(args.provider, [args.op_name]);
  }
  const total = [...operators.values()].reduce((sum, { length }) => sum + length, 0);
  return [...operators]
    .map(([provider, names]) => ({
      provider,
      nodes: names.length,
      share: names.length / total,
      operators: [...new Set(names)].sort(),
    }))
    .sort((a, b) => b.nodes - a.nodes);
}
