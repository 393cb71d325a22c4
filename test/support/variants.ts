/** Whether every variant is tried: `npm run test:all`, which CI runs. */
export const EVERY_VARIANT = process.env.LSG_TEST_VARIANTS === "all";

/** Cases that are variants of one attack: all of them there, the first in `npm test`. */
export function variants<T>(cases: readonly T[]): readonly T[] {
  return EVERY_VARIANT ? cases : cases.slice(0, 1);
}

/** How many types share the cases that each has. */
const SHARERS = 3;

/**
 * Cases that many model types have alike: all of them there, in `npm test` a third, which differs from type to type.
 * @param type the type's number among them
 */
export function shareOf<T>(cases: readonly T[], type: number): readonly T[] {
  return EVERY_VARIANT ? cases : cases.filter((_, i) => (i + type) % SHARERS === 0);
}
