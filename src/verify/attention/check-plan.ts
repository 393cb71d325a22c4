import type { WindowsConfig } from "../../attention/windows.js";
import { PLAN_OUTPUTS, planOnlyModel } from "../../onnx/windows/plan-only.js";
import { modelBytes } from "../../onnx/writer.js";
import { counted, lengthsUpTo } from "../../report/numbers.js";
import { inputSource } from "../../runtime/input-source.js";
import { sweepLengths } from "../../runtime/lengths.js";
import { running } from "../../runtime/open-runnable.js";
import { judge, type Outcome } from "../check.js";
import { cutByDefinition, fixedByDefinition, type RowPlan } from "../definition/windows.js";
import type { OpCheck } from "./check-op.js";
import { hostileRows, type PlacedRow, placedBatch } from "./hostile-rows.js";

/** A part of a plan by rows of the batch, or by windows, each with its places. */
type Part = (i: number, j: number) => number;
type Parts = Readonly<Record<(typeof PLAN_OUTPUTS)[number], Part>>;

/** Compares the windows that a graph cuts of rows with their definition: integers, which must be the same. */
export async function checkPlan(
  { host, device, model, longest, lengths: asked, attention, seed, signal }: OpCheck,
  config: WindowsConfig,
): Promise<Outcome> {
  const typed = model.readsTokenTypes;
  const inputs = inputSource(model, []);
  const session = await running("the plan of windows cannot be loaded", async () =>
    host.open(await modelBytes(planOnlyModel(config, typed)), { device }),
  );
  const lengths = sweepLengths(attention, longest, asked);
  const findings: string[] = [];
  let rows = 0;
  try {
    for (const [index, length] of lengths.entries()) {
      signal?.throwIfAborted();
      const placed = hostileRows(inputs.random, config, { length, seed: seed + length, index, typed });
      const batch = placedBatch(placed, length, inputs.padId);
      const known = Object.entries(batch.inputs).filter(([name]) => session.inputNames.includes(name));
      const results = await running(`the plan of windows does not run at ${length} tokens`, () =>
        session.run(Object.fromEntries(known)),
      );
      const part = (name: (typeof PLAN_OUTPUTS)[number]): Part => {
        const { dims, values } = results[name] ?? { dims: [], values: [] };
        return (i, j) => values[i * (dims[1] ?? 1) + j] ?? Number.NaN;
      };
      const parts = Object.fromEntries(PLAN_OUTPUTS.map((name) => [name, part(name)])) as Parts;
      findings.push(...batchFindings(placed, length, parts, config));
      rows += placed.length;
    }
  } finally {
    await session.close();
  }
  return judge(
    findings,
    `${lengthsUpTo(lengths)}, ${counted(rows, "row")}: every token in its windows, and read from the one that owns it`,
    `${counted(findings.length, "row")} cut otherwise than defined`,
    "The graph's windows are not those of config.json: export it again with lsg export.",
  );
}

/** A sentence for each row that is not cut as it is defined. */
function batchFindings(
  placed: readonly PlacedRow[],
  length: number,
  parts: Parts,
  config: WindowsConfig,
): string[] {
  // Up to a window's length a batch is read as it lies, padding included.
  const isWhole = length <= config.window_size;
  let base = 0;
  return placed.flatMap(({ start, tokens }, row) => {
    const at = {
      row,
      base,
      start: isWhole ? 0 : start,
      length,
      places: Math.min(length, config.window_size),
    };
    const count = isWhole ? length : tokens.mask.length;
    const fixed = fixedByDefinition(tokens, config);
    const plan = { fixed, ...cutByDefinition(count, fixed, config) };
    base += plan.windows.length;
    // Of a row without a token nothing is said but that it has a window.
    const wrong = count > 0 && firstWrong(plan, at, parts);
    return wrong ? [`${counted(length, "column")}, row ${row}: ${wrong}`] : [];
  });
}

/** Where a row stands in a batch, and its windows among all. */
interface At {
  readonly row: number;
  /** The first of its windows. */
  readonly base: number;
  /** The column of its first token. */
  readonly start: number;
  /** Columns of the batch. */
  readonly length: number;
  /** Of a window. */
  readonly places: number;
}

function firstWrong({ fixed, windows, owners }: RowPlan, at: At, parts: Parts): string | undefined {
  const { row, base, start, length, places } = at;
  for (const [i, tokens] of windows.entries()) {
    const window = base + i;
    if (parts.row(window, 0) !== row) return `window ${i} is of row ${parts.row(window, 0)}`;
    for (let place = 0; place < places; place++) {
      const token = tokens[place];
      const isFilled = parts.isFilled(window, place) === 1;
      const held = isFilled ? parts.gather(window, place) - row * length - start : undefined;
      const where = `place ${place} of window ${i}`;
      if (held !== token) return `${where} holds ${nameOf(held)}, expected ${nameOf(token)}`;
      const isFixed = token !== undefined && (token < fixed.head || token >= owners.length - fixed.tail);
      // What is repeated matters where there are several.
      if (isFilled && windows.length > 1 && (parts.isFixed(window, place) === 1) !== isFixed) {
        return `${where} ${isFixed ? "is not" : "is"} among those that every window has`;
      }
    }
  }
  for (const [token, { window, place }] of owners.entries()) {
    const [found, expected] = [parts.index(row, start + token), (base + window) * places + place];
    if (found !== expected) return `token ${token} is read from place ${found} of all, expected ${expected}`;
  }
  return undefined;
}

function nameOf(token: number | undefined): string {
  return token === undefined ? "no token" : `token ${token}`;
}
