import { DeviceError, LsgError } from "../base/errors.js";
import { endWithParent } from "./end-with-parent.js";

/** What a confined program answers to a request. */
export type Reply = { readonly value: unknown } | { readonly error: ReplyError };

/** An error as it crosses from one process to another. */
export interface ReplyError {
  readonly message: string;
  readonly remedy?: string | undefined;
  /** Of the classes in base/errors.ts; others are what a runtime or library threw. */
  readonly kind: "device" | "input" | "other";
}

/**
 * Makes this process one that answers the requests of the process that started it, one after the other, until that
 * ends it. Signals to the whole group of processes, such as Ctrl-C, are that one's to judge.
 */
export function serve(answer: (request: never) => Promise<unknown>): void {
  endWithParent();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
  process.on("disconnect", () => process.exit());
  process.on("message", async (request) => {
    const reply: Reply = await answer(request as never).then(
      (value) => ({ value }),
      (error: unknown) => ({ error: asReply(error) }),
    );
    process.send?.(reply);
  });
}

function asReply(error: unknown): ReplyError {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof LsgError)) return { message, kind: "other" };
  return { message, remedy: error.remedy, kind: error instanceof DeviceError ? "device" : "input" };
}
