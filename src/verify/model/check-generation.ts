import { largestIndex } from "../../base/extremes.js";
import type { GenerationSettings } from "../../model/generation-settings.js";
import { counted, formatNumber } from "../../report/numbers.js";
import { makeBatch, type Row } from "../../runtime/batch.js";
import type { Runnable } from "../../runtime/runnable.js";
import { judge, type Outcome } from "../check.js";
import { type Difference, difference, excess, larger, NO_DIFFERENCE, toleranceFor } from "./difference.js";
import { generate, nextScores } from "./generate.js";
import type { Subject } from "./subject.js";

const INPUT_TOKENS = 48;

const REMEDY = "The result does not write what the original writes: convert again.";

/** What both models write for one input. */
interface Written {
  /** "a text", "random tokens". */
  readonly about: string;
  /** Tokens that both write, one after the other. */
  readonly shared: number;
  /** Steps at which the two likeliest words are as good as equal, and the models take different ones. */
  readonly ties: number;
  /** The first step with different words: what each model writes, and by how much the original prefers its own. */
  readonly parting?: { readonly expected: number; readonly actual: number; readonly gap: number } | undefined;
  readonly scores: Difference;
}

/**
 * Lets both models generate, word by word the likeliest one. At each step both are shown the same tokens: those that
 * the original wrote. Words whose scores differ by less than rounding may change places.
 */
export async function checkGeneration(subject: Subject & { readonly original: Runnable }): Promise<Outcome> {
  const { original, converted, inputs, promise, seed, signal } = subject;
  const { lossless_up_to: losslessUpTo } = promise;
  const { generation } = original;
  if (!generation) return { verdict: "skipped", detail: "no config says which token to begin with" };
  const length = Math.min(INPUT_TOKENS, losslessUpTo || original.longest, converted.longest);
  const rows = {
    ...(inputs.hasText && { "a text": inputs.text(length, seed) }),
    "random tokens": inputs.random(length, seed),
  };
  const written: Written[] = [];
  for (const [about, row] of Object.entries(rows)) {
    signal?.throwIfAborted();
    written.push(await write(subject, generation, about, row));
  }
  const detail = `inputs of ${counted(length, "token")}; ${written.map(describe).join("; ")}`;
  const scores = written.map((one) => one.scores).reduce(larger, NO_DIFFERENCE);
  const figure = { value: scores.largest, length };
  if (losslessUpTo === 0) return { verdict: "stated", detail: `${detail}; nothing is promised`, figure };
  const tolerance = toleranceFor(scores);
  const apart = `${detail}; scores differ by ${formatNumber(scores.largest)}`;
  return {
    ...judge(written.flatMap(findingsOf), apart, `${apart}, allowed ${formatNumber(tolerance)}`, REMEDY),
    figure: { ...figure, tolerance },
  };
}

async function write(
  { original, converted, inputs }: Subject & { readonly original: Runnable },
  settings: GenerationSettings,
  about: string,
  row: Row,
): Promise<Written> {
  const batch = makeBatch([row], inputs.padId);
  const [ours, theirs] = [await converted.encode(batch), await original.encode(batch)];
  let ties = 0;
  let parting: Written["parting"];
  let scores = NO_DIFFERENCE;
  const ids = await generate(settings, async (before) => {
    const expected = await nextScores(original, theirs, before);
    // Tokens that the conversion added are not a choice of the original's.
    const actual = (await nextScores(converted, ours, before)).subarray(0, expected.length);
    const [wanted, found] = [largestIndex(expected), largestIndex(actual)];
    scores = larger(scores, difference(expected, actual));
    if (wanted === found) return wanted;
    const gap = (expected[wanted] ?? Number.NaN) - (expected[found] ?? Number.NaN);
    // Either score may have moved by what is allowed.
    if (gap <= 2 * toleranceFor(scores)) ties++;
    else parting = { expected: wanted, actual: found, gap };
    return parting ? undefined : wanted;
  });
  return { about, shared: ids.length - 1, ties, parting, scores };
}

function findingsOf({ about, shared, parting, scores }: Written): string[] {
  const wanted = parting && `${parting.expected}, which the original prefers by ${formatNumber(parting.gap)}`;
  return [
    ...(wanted ? [`${about}: token ${shared + 1} is ${parting.actual}, expected ${wanted}`] : []),
    ...(excess(scores) > 1 ? [`${about}: scores differ by ${formatNumber(scores.largest)}`] : []),
  ];
}

function describe({ about, shared, ties, parting }: Written): string {
  const close = ties > 0 ? `, ${ties} of them a matter of rounding` : "";
  if (parting && shared === 0) return `${about}: other tokens from the first on`;
  if (!parting) return `${about}: the same ${counted(shared, "token")} written${close}`;
  return `${about}: the same ${counted(shared, "token")} written${close}, then another`;
}
