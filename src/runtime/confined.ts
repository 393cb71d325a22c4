import { fork } from "node:child_process";
import { abortError, CheckpointError, DeviceError } from "../base/errors.js";
import { guard } from "./guard.js";
import type { Limits } from "./limits.js";
import type { Reply, ReplyError } from "./serve.js";

/** A program of ours in a process of its own, which runs what a stranger wrote. */
export interface Confined {
  /**
   * Sends a request and waits for the answer, one request at a time.
   * @throws LimitError if the answer takes more than `limits` allow: the process is ended then; an AbortError when the
   *   signal is aborted; CheckpointError if the process ends by itself; else what the program threw
   */
  ask<T>(request: object, limits: Limits): Promise<T>;
  /** Whether it answers no more. */
  readonly isOver: boolean;
  /** Ends the process. May be called twice. */
  close(): Promise<void>;
}

/** V8 ends a process whose strings and objects take more than this, in MiB: beyond what may be resident at all. */
const HEAP_MIB = 1 << 20;

/** @param program what calls `serve` */
export function startConfined(program: URL, signal: AbortSignal | undefined): Confined {
  signal?.throwIfAborted();
  const child = fork(program, {
    // Output of a runtime, a driver or a foreign graph is dropped: it would mix with ours.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "advanced",
    execArgv: [`--max-old-space-size=${HEAP_MIB}`],
  });
  // A process that waits for nothing keeps ours from nothing.
  const hold = (isHeld: boolean) => {
    for (const one of [child, child.channel]) isHeld ? one?.ref() : one?.unref();
  };
  hold(false);
  let over: Error | undefined;
  let fail: ((error: Error) => void) | undefined;
  const end = (error: Error) => {
    over ??= error;
    child.kill("SIGKILL");
    fail?.(over);
  };
  const onAbort = () => signal && end(abortError(signal));
  signal?.addEventListener("abort", onAbort);
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      end(error);
      if (child.pid === undefined) resolve();
    });
    child.once("exit", (code, by) => {
      signal?.removeEventListener("abort", onAbort);
      end(new CheckpointError(`its process ended ${howItEnded(code, by)}`));
      resolve();
    });
  });

  const answerTo = async (request: object, limits: Limits): Promise<unknown> => {
    if (over) throw over;
    hold(true);
    const relax = guard(child, limits, end);
    try {
      const reply = await new Promise<Reply>((resolve, reject) => {
        fail = reject;
        child.once("message", resolve);
        // Why it cannot be told anything comes with its end.
        child.send(request, () => {});
      });
      if ("error" in reply) throw asError(reply.error);
      return reply.value;
    } finally {
      fail = undefined;
      child.removeAllListeners("message");
      relax();
      hold(false);
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    ask<T>(request: object, limits: Limits) {
      const answer = last.then(() => answerTo(request, limits));
      last = answer.catch(() => {});
      return answer as Promise<T>;
    },
    get isOver() {
      return over !== undefined;
    },
    async close() {
      hold(true);
      end(new Error("the process was closed"));
      await ended;
    },
  };
}

function asError({ message, remedy, kind }: ReplyError): Error {
  if (kind === "other") return new Error(message);
  return new (kind === "device" ? DeviceError : CheckpointError)(message, remedy);
}

function howItEnded(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGKILL") return "by SIGKILL, mostly for want of memory";
  return signal ? `by ${signal}` : `with code ${code}`;
}
