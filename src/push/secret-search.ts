import { MAX_SECRET_LENGTH, type SecretPattern } from "./secret-patterns.js";

/** A secret among bytes. */
export interface SecretAt {
  /** Its first byte. */
  readonly at: number;
  readonly kind: string;
}

/** Zeros that may stand behind a character: UTF-16 has one, UTF-32 three. */
const MAX_ZEROS = 3;

/** Bytes that are looked at from where a secret begins. */
const WINDOW = MAX_SECRET_LENGTH * (1 + MAX_ZEROS);

/**
 * Finds secrets in the bytes of one file, in ASCII or wider characters. Every byte is looked at once, whatever number of
 * patterns there is: the first two bytes of all of them are in one table.
 * @param pieces the file, piece by piece
 */
export async function* searchSecrets(
  pieces: AsyncIterable<Buffer>,
  patterns: readonly SecretPattern[],
): AsyncIterable<SecretAt> {
  const starts = startsOf(patterns);
  let [bytes, start, from]: [Buffer, number, number] = [Buffer.alloc(0), 0, 0];
  for await (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece]);
    const to = Math.max(from, bytes.length - WINDOW);
    yield* searchBytes(bytes, from, to, start, starts);
    // What stands before the next byte says whether that is in the middle of a word.
    const kept = Math.max(0, to - 1 - MAX_ZEROS);
    start += kept;
    from = to - kept;
    bytes = bytes.subarray(kept);
  }
  yield* searchBytes(bytes, from, bytes.length, start, starts);
}

interface Starts {
  /** 1 for the first two bytes of something that is sought. */
  readonly pairs: Uint8Array;
  readonly byFirst: ReadonlyMap<number, readonly { begin: Buffer; sought: SecretPattern }[]>;
}

function startsOf(patterns: readonly SecretPattern[]): Starts {
  const pairs = new Uint8Array(1 << 16);
  const byFirst = new Map<number, { begin: Buffer; sought: SecretPattern }[]>();
  for (const sought of patterns) {
    for (const text of sought.begins) {
      const begin = Buffer.from(text, "latin1");
      const [first = 0, second = 0] = begin;
      pairs[first | (second << 8)] = 1;
      pairs[first] = 1; // a zero behind it
      byFirst.set(first, [...(byFirst.get(first) ?? []), { begin, sought }]);
    }
  }
  return { pairs, byFirst };
}

function* searchBytes(
  bytes: Buffer,
  from: number,
  to: number,
  start: number,
  { pairs, byFirst }: Starts,
): Iterable<SecretAt> {
  for (let at = nextPair(bytes, from, to, pairs); at < to; at = nextPair(bytes, at + 1, to, pairs)) {
    for (const { begin, sought } of byFirst.get(bytes[at] as number) ?? []) {
      if (!beginsAt(bytes, at, begin) || !isSecret(bytes, at, sought)) continue;
      yield { at: start + at, kind: sought.kind };
      break;
    }
  }
}

/** The next place at which something may begin. A function of its own, which is compiled well. */
function nextPair(bytes: Buffer, from: number, to: number, pairs: Uint8Array): number {
  let at = from;
  while (at < to && pairs[(bytes[at] as number) | ((bytes[at + 1] ?? 0) << 8)] === 0) at++;
  return at;
}

function beginsAt(bytes: Buffer, at: number, begin: Buffer): boolean {
  const zeros = zerosBehind(bytes, at);
  return begin.every((byte, i) => bytes[at + i * (1 + zeros)] === byte);
}

function isSecret(bytes: Buffer, at: number, { pattern, inWords }: SecretPattern): boolean {
  const step = 1 + zerosBehind(bytes, at);
  if (!inWords && /[A-Za-z0-9]/.test(String.fromCharCode(bytes[at - step] ?? 0))) return false;
  const window = bytes.toString("latin1", at, at + MAX_SECRET_LENGTH * step);
  pattern.lastIndex = 0;
  return pattern.test(step === 1 ? window : everyNth(window, step));
}

function zerosBehind(bytes: Buffer, at: number): number {
  let zeros = 0;
  while (zeros < MAX_ZEROS && bytes[at + 1 + zeros] === 0) zeros++;
  return zeros;
}

function everyNth(text: string, step: number): string {
  let picked = "";
  for (let i = 0; i < text.length; i += step) picked += text[i];
  return picked;
}
