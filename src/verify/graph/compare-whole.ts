import { TASKS } from "../../architectures/tasks.js";
import type { GraphOptions } from "../../onnx/graph.js";
import type { Session } from "../../runtime/session.js";
import { findCandidateTokens } from "../../tokenizer/candidate-tokens.js";
import type { Outcome } from "../check.js";
import { compareCandidates, scoresCandidates } from "./compare-candidates.js";
import { compareModel, exportedTask } from "./compare-outputs.js";
import type { FoundGraphs, OutputCheck } from "./graph-check.js";

/** What a graph was exported for: what decides which of the model's outputs it has. */
type Purpose = Pick<GraphOptions, "task" | "candidates">;

/** What a graph that holds a whole model was exported for, by its inputs and outputs. */
export async function exportedFor(session: Session, check: OutputCheck): Promise<Purpose> {
  if (!scoresCandidates(session)) return { task: exportedTask(session, check), candidates: undefined };
  const { contents, architecture } = check.whole;
  const candidates = findCandidateTokens(await contents(), architecture.tokenizerClass);
  return { task: TASKS.CandidateScoring.name, candidates };
}

/** Compares the outputs of a graph that holds a whole model with what the weights say. */
export function compareWhole(
  session: Session,
  graphs: FoundGraphs,
  check: OutputCheck,
  { task, candidates }: Purpose,
): Promise<Outcome> {
  return candidates
    ? compareCandidates(session, graphs, check, candidates)
    : compareModel(session, graphs, check, task);
}
