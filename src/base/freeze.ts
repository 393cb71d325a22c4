/** Data without functions or maps, readonly all the way down. */
export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

const refuse = () => {
  throw new TypeError("it is frozen");
};

/** Freezes plain data, maps included, with all that it holds. @returns the same value */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Map) {
    for (const change of ["set", "delete", "clear"]) Object.defineProperty(value, change, { value: refuse });
  }
  for (const part of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
