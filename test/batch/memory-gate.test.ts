import { expect, test } from "vitest";
import { memoryGate } from "../../src/batch/memory.js";

/** Enters in turn and tells who is inside. */
function crowd(budget: number) {
  const gate = memoryGate(budget);
  const inside: string[] = [];
  const leave = new Map<string, () => void>();
  const enter = async (name: string, bytes: number, signal?: AbortSignal) => {
    const out = await gate.enter(bytes, signal);
    inside.push(name);
    leave.set(name, () => {
      inside.splice(inside.indexOf(name), 1);
      out();
    });
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { inside, enter, settle, leave: (name: string) => leave.get(name)?.() };
}

test("what fits goes in, in order; what does not fit waits, and those behind it too", async () => {
  const { inside, enter, settle, leave } = crowd(10);
  for (const [name, bytes] of [
    ["a", 4],
    ["b", 4],
    ["c", 4],
    ["d", 1],
  ] as const)
    void enter(name, bytes);
  await settle();
  expect(inside).toEqual(["a", "b"]);
  leave("a");
  await settle();
  expect(inside).toEqual(["b", "c", "d"]);
});

test("what is larger than all memory runs alone", async () => {
  const { inside, enter, settle, leave } = crowd(10);
  for (const [name, bytes] of [
    ["a", 1],
    ["huge", 99],
    ["b", 1],
  ] as const)
    void enter(name, bytes);
  await settle();
  expect(inside).toEqual(["a"]);
  leave("a");
  await settle();
  expect(inside).toEqual(["huge"]);
  leave("huge");
  await settle();
  expect(inside).toEqual(["b"]);
});

test("an abort ends the waiting of one, and makes room for those behind", async () => {
  const { inside, enter, settle } = crowd(10);
  const abort = new AbortController();
  void enter("a", 6);
  const huge = enter("huge", 6, abort.signal);
  void enter("b", 2);
  await settle();
  expect(inside).toEqual(["a"]);
  abort.abort(new Error("stopped"));
  await expect(huge).rejects.toThrow("stopped");
  expect(inside).toEqual(["a", "b"]);
  await expect(enter("late", 1, abort.signal)).rejects.toThrow("stopped");
});
