import { attempt, type Check, type Outcome } from "./check.js";
import type { ReportHead } from "./report/wording.js";

/** Told how far a verification is. */
export interface Listener {
  /** What is verified against what, before the first check. */
  readonly onHead?: ((head: ReportHead) => void) | undefined;
  /** A check begins that may take a while. */
  readonly onStart?: ((title: string) => void) | undefined;
  readonly onCheck?: ((check: Check) => void) | undefined;
}

/** Collects checks in order and tells a listener of each. */
export interface Recorder {
  readonly checks: readonly Check[];
  /** Runs a check; see `attempt`. */
  look(id: string, title: string, body: () => Promise<Outcome>): Promise<Check>;
  add(...checks: readonly Check[]): void;
  /** Says what is going on before checks that are added at once. */
  begin(title: string): void;
}

export function createRecorder({ onStart, onCheck }: Listener, signal: AbortSignal | undefined): Recorder {
  const checks: Check[] = [];
  const add = (...found: readonly Check[]) => {
    for (const check of found) {
      checks.push(check);
      onCheck?.(check);
    }
  };
  const begin = (title: string) => {
    signal?.throwIfAborted();
    onStart?.(title);
  };
  return {
    checks,
    add,
    begin,
    async look(id, title, body) {
      begin(title);
      const check = await attempt(id, title, body);
      add(check);
      return check;
    },
  };
}
