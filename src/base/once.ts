/**
 * Makes a value when it is asked for the first time, and gives that one ever after: of a promise also a rejected one.
 * What throws is made again.
 */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
