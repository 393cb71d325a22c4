import { Worker } from "node:worker_threads";

/** How often a program looks whether the process that started it is still there. */
const LOOK_MS = 500;

/** Looks from a thread of its own: the program's may be deep in a stranger's regular expression, or in native code. */
const WATCH = `
const parent = process.ppid;
setInterval(() => {
  let gone = process.ppid !== parent;
  try { process.kill(parent, 0); } catch (error) { gone ||= error.code === "ESRCH"; }
  if (gone) process.kill(process.pid, "SIGKILL");
}, ${LOOK_MS});
`;

/** Ends this process when the one that started it ends, however that ended and whatever this one is doing. */
export function endWithParent(): void {
  new Worker(WATCH, { eval: true }).unref();
}
