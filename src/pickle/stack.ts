import { damaged, describe } from "./faults.js";
import type { PickleDict, PickleValue } from "./values.js";

/** The unpickler's stack. Nothing below the latest mark can be taken before the mark is. */
export interface PickleStack {
  push(value: PickleValue): void;
  mark(): void;
  /** The latest `count` values, oldest first. */
  pop(count: number): PickleValue[];
  popOne(): PickleValue;
  /** Every value above the latest mark, and the mark. */
  popToMark(): PickleValue[];
  /** The latest value, which stays. */
  top(): PickleValue;
  topList(): PickleValue[];
  topDict(): PickleDict;
}

/** An empty stack. Its methods throw PickleError where a value or mark is missing or of the wrong kind. */
export function createStack(): PickleStack {
  const values: PickleValue[] = [];
  const marks: number[] = [];

  const need = (count: number) => {
    if (values.length - count < (marks.at(-1) ?? 0)) {
      throw damaged("the pickle takes a value from an empty stack");
    }
  };
  const pop = (count: number) => {
    need(count);
    return values.splice(values.length - count);
  };
  const top = () => {
    need(1);
    return values.at(-1) as PickleValue;
  };

  return {
    push: (value) => {
      values.push(value);
    },
    mark: () => {
      marks.push(values.length);
    },
    pop,
    popOne: () => pop(1)[0] as PickleValue,
    popToMark: () => {
      const mark = marks.pop();
      if (mark === undefined) throw damaged("the pickle closes a sequence that it never opened");
      return values.splice(mark);
    },
    top,
    topList: () => {
      const list = top();
      if (!Array.isArray(list)) throw damaged(`the pickle appends to ${describe(list)}`);
      return list;
    },
    topDict: () => {
      const dict = top();
      if (!(dict instanceof Map)) throw damaged(`the pickle sets items of ${describe(dict)}`);
      return dict;
    },
  };
}
