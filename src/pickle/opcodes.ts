import type { Cursor } from "./cursor.js";
import { damaged, describe, refusedName } from "./faults.js";
import type { PickleStack } from "./stack.js";
import { isKind, type PickledGlobal, type PickleValue } from "./values.js";

export interface Machine {
  readonly cursor: Cursor;
  readonly stack: PickleStack;
  readonly memo: Map<number, PickleValue>;
  /** The names that the pickle may mention, by full name. */
  readonly globals: ReadonlyMap<string, PickledGlobal>;
  readonly persistentLoad: (id: PickleValue) => PickleValue;
  /** Counts what the pickle has built so far. @throws PickleError beyond the limit. */
  readonly spend: (objects: number) => void;
}

/** Ends the pickle; the value on the stack is its result. */
export const STOP = 0x2e;

const NEWEST_PROTOCOL = 5;

/**
 * The instructions of protocols 2 to 5 that plain data, tensors and dicts are written with (CPython,
 * `Lib/pickletools.py`). Those that build objects of any class are left out on purpose; INST is here only
 * to tell what it names.
 */
export const INSTRUCTIONS: ReadonlyMap<number, (machine: Machine) => void> = new Map(
  Object.values({
    PROTO: [0x80, protocol],
    FRAME: [0x95, ({ cursor }) => cursor.skip(8)],

    NONE: [0x4e, ({ stack }) => stack.push(null)],
    NEWTRUE: [0x88, ({ stack }) => stack.push(true)],
    NEWFALSE: [0x89, ({ stack }) => stack.push(false)],
    BININT: [0x4a, ({ stack, cursor }) => stack.push(cursor.int32())],
    BININT1: [0x4b, ({ stack, cursor }) => stack.push(cursor.uint8())],
    BININT2: [0x4d, ({ stack, cursor }) => stack.push(cursor.uint16())],
    LONG1: [0x8a, ({ stack, cursor }) => stack.push(cursor.long(cursor.uint8()))],
    BINFLOAT: [0x47, ({ stack, cursor }) => stack.push(cursor.float64())],
    SHORT_BINSTRING: [0x55, ({ stack, cursor }) => stack.push(cursor.text(cursor.uint8()))],
    BINSTRING: [0x54, ({ stack, cursor }) => stack.push(cursor.text(cursor.uint32()))],
    SHORT_BINUNICODE: [0x8c, ({ stack, cursor }) => stack.push(cursor.text(cursor.uint8()))],
    BINUNICODE: [0x58, ({ stack, cursor }) => stack.push(cursor.text(cursor.uint32()))],
    BINUNICODE8: [0x8d, ({ stack, cursor }) => stack.push(cursor.text(cursor.uint64()))],

    MARK: [0x28, ({ stack }) => stack.mark()],
    EMPTY_TUPLE: [0x29, (machine) => pushNew(machine, [])],
    TUPLE: [0x74, (machine) => pushNew(machine, machine.stack.popToMark())],
    TUPLE1: [0x85, (machine) => pushNew(machine, machine.stack.pop(1))],
    TUPLE2: [0x86, (machine) => pushNew(machine, machine.stack.pop(2))],
    TUPLE3: [0x87, (machine) => pushNew(machine, machine.stack.pop(3))],
    EMPTY_LIST: [0x5d, (machine) => pushNew(machine, [])],
    APPEND: [0x61, ({ stack }) => append(stack, stack.pop(1))],
    APPENDS: [0x65, ({ stack }) => append(stack, stack.popToMark())],
    EMPTY_DICT: [0x7d, (machine) => pushNew(machine, new Map())],
    SETITEM: [0x73, ({ stack }) => setItems(stack, stack.pop(2))],
    SETITEMS: [0x75, ({ stack }) => setItems(stack, stack.popToMark())],

    BINPUT: [0x71, (machine) => remember(machine, machine.cursor.uint8())],
    LONG_BINPUT: [0x72, (machine) => remember(machine, machine.cursor.uint32())],
    MEMOIZE: [0x94, (machine) => remember(machine, machine.memo.size)],
    BINGET: [0x68, (machine) => recall(machine, machine.cursor.uint8())],
    LONG_BINGET: [0x6a, (machine) => recall(machine, machine.cursor.uint32())],

    GLOBAL: [0x63, (machine) => pushGlobal(machine, machine.cursor.line(), machine.cursor.line())],
    STACK_GLOBAL: [
      0x93,
      (machine) => pushGlobal(machine, ...(machine.stack.pop(2) as [PickleValue, PickleValue])),
    ],
    INST: [0x69, instance],
    REDUCE: [0x52, reduce],
    BUILD: [0x62, build],
    BINPERSID: [0x51, ({ stack, persistentLoad }) => stack.push(persistentLoad(stack.popOne()))],
  } satisfies Record<string, [number, (machine: Machine) => void]>),
);

function protocol({ cursor }: Machine): void {
  const version = cursor.uint8();
  if (version > NEWEST_PROTOCOL) {
    throw damaged(`the pickle has protocol ${version}, expected at most ${NEWEST_PROTOCOL}`);
  }
}

function pushNew({ stack, spend }: Machine, container: PickleValue): void {
  spend(1);
  stack.push(container);
}

function append(stack: PickleStack, items: readonly PickleValue[]): void {
  const list = stack.topList();
  for (const item of items) list.push(item);
}

function setItems(stack: PickleStack, items: readonly PickleValue[]): void {
  const dict = stack.topDict();
  if (items.length % 2 !== 0) throw damaged("the pickle has a dict with a key and no value");
  for (let i = 0; i < items.length; i += 2) dict.set(items[i] as PickleValue, items[i + 1] as PickleValue);
}

function remember({ stack, memo, spend }: Machine, index: number): void {
  spend(1);
  memo.set(index, stack.top());
}

function recall({ stack, memo }: Machine, index: number): void {
  const value = memo.get(index);
  if (value === undefined) throw damaged(`the pickle refers to value ${index}, which it has not remembered`);
  stack.push(value);
}

function pushGlobal({ stack, globals }: Machine, module: PickleValue, name: PickleValue): void {
  if (typeof module !== "string" || typeof name !== "string") {
    throw damaged(`the pickle names ${describe(name)} in ${describe(module)}; both must be text`);
  }
  const global = globals.get(`${module}.${name}`);
  if (!global) throw refusedName(module, name);
  stack.push(global);
}

function instance({ cursor }: Machine): void {
  throw refusedName(cursor.line(), cursor.line());
}

function reduce({ stack, spend }: Machine): void {
  const [callee, args] = stack.pop(2);
  if (!isKind(callee, "global") || !callee.call) throw damaged(`the pickle calls ${describe(callee)}`);
  if (!Array.isArray(args)) throw damaged(`the pickle calls ${callee.name} with ${describe(args)}`);
  // A call may copy its arguments, and the memo gives the same long list again for two bytes.
  spend(args.reduce<number>((total, arg) => total + (Array.isArray(arg) ? arg.length : 0), 1));
  stack.push(callee.call(args));
}

/** Drops the attributes of an OrderedDict (`_metadata`, the versions of the model's modules), and a dtype's. */
function build({ stack }: Machine): void {
  stack.popOne();
  stack.topDict();
}
