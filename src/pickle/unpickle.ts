import { createCursor } from "./cursor.js";
import { damaged, refused } from "./faults.js";
import { INSTRUCTIONS, type Machine, STOP } from "./opcodes.js";
import { createStack } from "./stack.js";
import type { PickleValue } from "./values.js";

/** A tensor takes some 150 bytes of pickle, so this is room for 100,000. Longer is not a state dict. */
export const MAX_PICKLE_BYTES = 16 * 2 ** 20;

/**
 * Containers made, memo entries set and arguments passed, all together. A tensor takes about 25, so this
 * is room for 40,000; without a limit one byte of pickle could claim a hundred of memory.
 */
export const MAX_PICKLE_OBJECTS = 1_000_000;

/** What a pickle may name, and what its persistent ids mean. */
export type UnpickleRules = Pick<Machine, "globals" | "persistentLoad">;

/**
 * Reads one pickle without executing anything: a name resolves only through `rules.globals`, whose calls
 * are our own functions, and the first other one ends the reading. Tuples and lists both become arrays.
 * Time and memory are bounded by the length of `bytes` and MAX_PICKLE_OBJECTS; nothing recurses.
 * @param start where the pickle begins in `bytes`
 * @returns the value, and the position behind the pickle
 * @throws PickleError that says what was found; it does not know the file's name.
 */
export function unpickle(
  bytes: Buffer,
  start: number,
  rules: UnpickleRules,
): { value: PickleValue; end: number } {
  const cursor = createCursor(bytes, start);
  const stack = createStack();
  let objects = 0;
  const spend = (count: number) => {
    objects += count;
    if (objects > MAX_PICKLE_OBJECTS) {
      throw damaged(`the pickle builds more than ${MAX_PICKLE_OBJECTS} objects`);
    }
  };
  const machine: Machine = { cursor, stack, memo: new Map(), spend, ...rules };

  for (;;) {
    const { position } = cursor;
    const opcode = cursor.uint8();
    if (opcode === STOP) return { value: stack.popOne(), end: cursor.position };
    const execute = INSTRUCTIONS.get(opcode);
    if (!execute) {
      const hex = opcode.toString(16).padStart(2, "0");
      throw refused(
        `byte ${position} of the pickle is 0x${hex}, an instruction that no state dict is written with`,
      );
    }
    execute(machine);
  }
}
