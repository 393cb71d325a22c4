import type { Checkpoint } from "../checkpoint/checkpoint.js";

/** A checkpoint with keys of its config set; `undefined` removes one. */
export function changed(
  checkpoint: Checkpoint,
  changes: ReadonlyMap<string, unknown>,
  note: string,
): Checkpoint {
  const config = Object.entries({ ...checkpoint.config, ...Object.fromEntries(changes) }).filter(
    ([, value]) => value !== undefined,
  );
  const before = checkpoint.settlement;
  return {
    ...checkpoint,
    config: Object.fromEntries(config),
    settlement: {
      ...before,
      changes: new Map([...(before?.changes ?? []), ...changes]),
      notes: [...(before?.notes ?? []), note],
    },
  };
}
