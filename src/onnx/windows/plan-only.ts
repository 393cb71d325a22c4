import type { WindowsConfig } from "../../attention/windows.js";
import { createGraph, type OnnxModel } from "../builder.js";
import { fixedTokens } from "./fixed-tokens.js";
import { planWindows } from "./plan.js";
import { spansOf } from "./spans.js";

/** The parts of a plan that such a graph gives: see `WindowPlan`. */
export const PLAN_OUTPUTS = ["row", "gather", "isFilled", "isFixed", "index"] as const;

/**
 * A model of the plan of windows alone. Inputs `input_ids`, `attention_mask` and, where types say what is a pair,
 * `token_type_ids`, int64 (batch_size, sequence_length); outputs are those of `PLAN_OUTPUTS`, as float32, which holds
 * integers up to 2 ** 24.
 */
export function planOnlyModel(config: WindowsConfig, readsTokenTypes: boolean): OnnxModel {
  const graph = createGraph("WindowPlan");
  const { op } = graph;
  const input = (name: string) => graph.input(name, "I64", ["batch_size", "sequence_length"]);
  const [inputIds, mask] = [input("input_ids"), input("attention_mask")];
  const tokenTypeIds = readsTokenTypes ? input("token_type_ids") : undefined;
  const spans = spansOf(op, mask, config);
  const plan = planWindows(
    op,
    mask,
    spans,
    fixedTokens(op, { inputIds, tokenTypeIds }, spans, config),
    config,
  );
  for (const name of PLAN_OUTPUTS) {
    const dims =
      name === "row"
        ? ["windows"]
        : name === "index"
          ? ["batch_size", "sequence_length"]
          : ["windows", "places"];
    graph.output(name, op.Cast(plan[name], { to: "F32" }), "F32", dims);
  }
  return graph.model();
}
