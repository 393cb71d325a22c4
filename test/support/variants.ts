/** Whether every variant of an attack is tried: `npm run test:hostile`, which CI runs. */
export const EVERY_VARIANT = process.env.LSG_TEST_VARIANTS === "all";

/** Cases that are variants of one attack: all of them there, the first in `npm test`. */
export function variants<T>(cases: readonly T[]): readonly T[] {
  return EVERY_VARIANT ? cases : cases.slice(0, 1);
}
