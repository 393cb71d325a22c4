import childProcess, { type ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import { afterAll, beforeAll } from "vitest";

const PROGRAM = /tokenizer-program\.js$/;

/** Processes that run tokenizers, and wait for the next one. */
const idle: ChildProcess[] = [];

/**
 * For the tests of a file: the process that runs a verification's tokenizer is not ended with it, but opens that of the
 * next one; to start it takes longer than what most tests ask of it. One that is ended while it works is ended. Not for
 * tests of what such a process may take, or of its end.
 */
export function keepTokenizers(): void {
  const { fork } = childProcess;
  beforeAll(() => {
    const keeping = (program: URL, options: object) =>
      PROGRAM.test(program.pathname) ? new Kept(() => fork(program, options)) : fork(program, options);
    Object.assign(childProcess, { fork: keeping });
    syncBuiltinESMExports();
  });
  afterAll(() => {
    Object.assign(childProcess, { fork });
    syncBuiltinESMExports();
  });
}

/** A process as `startConfined` knows it: when it is killed and has no work, the one behind it waits for other work. */
class Kept extends EventEmitter {
  readonly #child: ChildProcess;
  #works = false;
  #isOver = false;

  constructor(start: () => ChildProcess) {
    super();
    let child = idle.pop();
    while (child?.connected === false) child = idle.pop();
    this.#child = child ?? start();
    this.#child.on("message", this.#onMessage).on("error", this.#onError).on("exit", this.#onExit);
  }

  get pid() {
    return this.#child.pid;
  }

  get channel() {
    return this.#child.channel;
  }

  ref() {
    this.#child.ref();
  }

  unref() {
    this.#child.unref();
  }

  send(request: object, done: () => void) {
    this.#works = true;
    this.#child.send(request, done);
  }

  kill(signal: NodeJS.Signals) {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#works || !this.#child.connected) {
      this.#child.kill(signal);
      return;
    }
    this.#child.off("message", this.#onMessage).off("error", this.#onError).off("exit", this.#onExit);
    this.#child.channel?.unref();
    this.#child.unref();
    idle.push(this.#child);
    setImmediate(() => this.emit("exit", null, signal));
  }

  #onMessage = (reply: unknown) => {
    this.#works = false;
    this.emit("message", reply);
  };
  #onError = (error: Error) => this.emit("error", error);
  #onExit = (code: number | null, by: NodeJS.Signals | null) => {
    this.#isOver = true;
    this.emit("exit", code, by);
  };
}
