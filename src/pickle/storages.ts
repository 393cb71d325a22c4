import { quote } from "../base/quote.js";
import { DTYPES, type Dtype } from "../safetensors/dtype.js";
import { damaged, describe } from "./faults.js";
import { isCount, isKind, type PickledStorage, type PickleValue } from "./values.js";

/** Stored bytes as the pickle announces them. */
export interface AnnouncedStorage {
  readonly dtype: Dtype;
  readonly elements: number;
}

export interface StorageTable {
  /** By key, in the order of their first mention. */
  readonly announced: ReadonlyMap<string, AnnouncedStorage>;
  /**
   * What a persistent id stands for: `("storage", class, key, location, elements)`, in the legacy format
   * followed by None or `(key of the view, offset, elements)`.
   */
  load(id: PickleValue): PickledStorage;
}

/** Keys are numbers in the files that PyTorch writes; anything like a path is refused. */
const KEY_PATTERN = /^\w+$/;

/** An empty table. `load` throws PickleError for an id of another form or one that contradicts another. */
export function createStorageTable(): StorageTable {
  const announced = new Map<string, AnnouncedStorage>();
  return {
    announced,
    load: (id) => {
      if (!Array.isArray(id) || id[0] !== "storage" || id.length < 5 || id.length > 6) {
        throw damaged(`the pickle has the persistent id ${describe(id)}, expected one of a storage`);
      }
      const [, type, key, , elements, view = null] = id;
      if (typeof key !== "string" || !KEY_PATTERN.test(key)) {
        throw damaged(`the pickle has a storage with the key ${describe(key)}, expected a number or name`);
      }
      const dtype = isKind(type, "global") ? type.elements : undefined;
      if (!dtype) throw damaged(`storage ${quote(key)} is of ${describe(type)}, expected a storage class`);
      if (!isCount(elements)) throw damaged(`storage ${quote(key)} has ${describe(elements)} as its size`);

      const before = announced.get(key);
      if (before && (before.dtype !== dtype || before.elements !== elements)) {
        const [first, second] = [before, { dtype, elements }].map((one) => `${one.elements} × ${one.dtype}`);
        throw damaged(`storage ${quote(key)} is announced as ${first} and as ${second}`);
      }
      announced.set(key, { dtype, elements });
      return { kind: "storage", key, dtype, ...viewOf(key, elements, view) };
    },
  };
}

/** Bytes that a storage takes, or undefined where that is not an exact number. */
export function storageBytes({ dtype, elements }: AnnouncedStorage): number | undefined {
  const bytes = (elements * DTYPES[dtype].bits) / 8;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function viewOf(key: string, elements: number, view: PickleValue): { start: number; elements: number } {
  if (view === null) return { start: 0, elements };
  const [, start, length] = Array.isArray(view) ? view : [];
  if (!isCount(start) || !isCount(length) || start + length > elements) {
    throw damaged(`storage ${quote(key)} has a view that does not lie within its ${elements} elements`);
  }
  return { start, elements: length };
}
