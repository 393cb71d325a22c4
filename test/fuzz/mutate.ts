import { seededUniform } from "../../src/base/random.js";
import type { Target } from "./target.js";

/** Larger inputs take longer, and tell no more. */
const MAX_BYTES = 1 << 18;

/** Numbers at the borders of what fields hold. */
const BORDERS = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 2 ** 53];

/** Values that a key may have and no reader expects. */
const VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    0.5,
    1e308,
    2 ** 53,
    2 ** 31,
    "",
    "x",
    "\ud800",
    "\u0000",
    "../../x",
    "\n---\n",
  ],
  ...[[], {}, [[]], { __proto__: null, x: 1 }, [1, "x", null], "a".repeat(5000), Array(2000).fill(0)],
];
const KEYS = ["__proto__", "constructor", "length", "", "0", "x", "\u2028", "toString"];

type Random = (below: number) => number;

/** The input of that number: the same for the same seeds, target and seed. */
export function inputOf(
  target: Pick<Target, "kind" | "words">,
  seeds: readonly Buffer[],
  { seed, name, index }: { readonly seed: number; readonly name: string; readonly index: number },
): Buffer {
  const salt = [...name].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, seed);
  const uniform = seededUniform(Math.imul(salt, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b));
  const random: Random = (below) => Math.floor(uniform() * below);
  let bytes = pick(random, seeds);
  for (let edits = 1 + random(4); edits > 0; edits--) {
    const isJson = target.kind === "json" && random(3) > 0;
    bytes = (isJson ? mutateJson(bytes, random) : undefined) ?? mutateBytes(bytes, target, seeds, random);
  }
  return bytes.subarray(0, MAX_BYTES);
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

function mutateBytes(
  bytes: Buffer,
  { words }: Pick<Target, "words">,
  seeds: readonly Buffer[],
  random: Random,
): Buffer {
  const at = random(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random(random(4) === 0 ? bytes.length + 1 : 16));
  const [before, piece, behind] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
  const put = (middle: Buffer) => Buffer.concat([before, middle, behind]);
  switch (random(10)) {
    case 0:
      return put(Buffer.from(piece.map((byte, i) => (i === 0 ? byte ^ (1 << random(8)) : byte))));
    case 1:
      return put(Buffer.alloc(0));
    case 2:
      return put(Buffer.concat([piece, piece]));
    case 3:
      // What takes more than linear time shows itself here.
      return put(Buffer.alloc(Math.min(MAX_BYTES, piece.length * 2 ** (4 + random(11))), piece));
    case 4:
      return put(Buffer.concat([piece, Buffer.from(pick(random, words) ?? "", "latin1")]));
    case 5:
      return put(number(pick(random, BORDERS), 1 << random(4), random(2) === 0));
    case 6:
      return Buffer.concat([before, pick(random, seeds)]);
    case 7:
      return before;
    case 8:
      return put(Buffer.from(piece.map((byte) => byte + random(3) - 1)));
    default:
      return put(Buffer.from(piece.map(() => random(256))));
  }
}

function number(value: number, bytes: number, isLittle: boolean): Buffer {
  const wide = Buffer.alloc(8);
  wide.writeBigUInt64LE(BigInt(value));
  const field = wide.subarray(0, bytes);
  return isLittle ? field : field.reverse();
}

/** Changes one value or key, wherever it stands; nothing where the text is no JSON. */
function mutateJson(bytes: Buffer, random: Random): Buffer | undefined {
  let root: unknown;
  try {
    root = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  const change = (value: unknown): unknown => {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    if (keys.length === 0 || random(4) === 0) return changed(value, random);
    const key = pick(random, keys);
    const entries = Object.entries(value as object);
    const others = entries.filter(([name]) => name !== key);
    const inner = (value as Record<string, unknown>)[key];
    if (Array.isArray(value)) return value.map((item, i) => (String(i) === key ? change(item) : item));
    const kept =
      random(8) === 0 ? others : entries.map(([name, item]) => [name, name === key ? change(inner) : item]);
    const more = random(12) === 0 ? [[pick(random, KEYS), pick(random, VALUES)]] : [];
    return Object.fromEntries([...kept, ...more] as [string, unknown][]);
  };
  return Buffer.from(JSON.stringify(change(root), null, random(2) === 0 ? undefined : 2));
}

function changed(value: unknown, random: Random): unknown {
  if (random(2) === 0) return pick(random, VALUES);
  if (typeof value === "number") return value + pick(random, [1, -1, 0.5, 1e9, -value]);
  if (typeof value === "string") return value + pick(random, ["x", "\n", "/..", "", "é"]);
  if (Array.isArray(value)) return [...value, ...value];
  return random(2) === 0 ? [value] : { x: value };
}
