/** How a row of tokens is read in parts, each short enough for the model. */
export interface Parts {
  /** For each part the places in the row of the tokens that it holds. */
  readonly windows: readonly (readonly number[])[];
  /** For each token of the row where it is read; undefined where it is not. */
  readonly owners: readonly (Owner | undefined)[];
}

export interface Owner {
  readonly window: number;
  /** In it. */
  readonly place: number;
}

/** What bounds parts, in tokens. */
export interface PartSizes {
  /** Of a part: as many as the model reads. */
  readonly size: number;
  /** First and last tokens of the row that every part repeats. */
  readonly head: number;
  readonly tail: number;
  /** That neighbours share at least. */
  readonly overlap: number;
}

type Cutter = (length: number, sizes: PartSizes) => Parts;

/** Ways to read a row that is longer than a part. */
export const CUTTERS = { cut, chunks, windows } as const satisfies Record<string, Cutter>;

/** A row that is read at once. */
export function whole(length: number): Parts {
  const places = range(0, length);
  return { windows: [places], owners: places.map((place) => ({ window: 0, place })) };
}

/** The beginning, and the last special tokens. */
function cut(length: number, { size, head, tail }: PartSizes): Parts {
  return owned(length, [starting(0, size - head - tail, { length, head, tail })], () => 0);
}

/** Content side by side; the last part is shorter. */
function chunks(length: number, { size, head, tail }: PartSizes): Parts {
  const room = size - head - tail;
  const content = length - head - tail;
  const starts = range(0, Math.ceil(content / room)).map((i) => i * room);
  const windows = starts.map((start) =>
    starting(start, Math.min(room, content - start), { length, head, tail }),
  );
  return owned(length, windows, (token) => Math.floor((token - head) / room));
}

/**
 * Windows that share `overlap` tokens at least, spread evenly. A token is read from the window in whose middle it stands best,
 * of two the later. Integers throughout: the same windows as those of a model that was converted to them.
 */
function windows(length: number, { size, head, tail, overlap }: PartSizes): Parts {
  const room = size - head - tail;
  const beyond = length - size;
  const gaps = Math.ceil(beyond / (room - Math.min(overlap, room >> 1)));
  const starts = range(0, gaps + 1).map((i) => Math.floor((2 * i * beyond + gaps) / (2 * gaps)));
  return owned(
    length,
    starts.map((start) => starting(start, room, { length, head, tail })),
    (token) => Math.floor(((2 * (token - head) - room + 1) * gaps + beyond) / (2 * beyond)),
  );
}

/** For each of some tokens a window of its own, in whose middle it stands as far as the row's ends allow. */
export function centred(length: number, { size, head, tail }: PartSizes, tokens: readonly number[]): Parts {
  if (length <= size) return whole(length);
  const room = size - head - tail;
  const windows = tokens.map((token) => {
    const start = Math.min(length - size, Math.max(0, token - head - (room >> 1)));
    return starting(start, room, { length, head, tail });
  });
  const owners = new Array<Owner | undefined>(length).fill(undefined);
  tokens.forEach((token, window) => {
    owners[token] = { window, place: windows[window]?.indexOf(token) ?? 0 };
  });
  return { windows, owners };
}

/** Head, `count` tokens of the content from one of them on, tail. */
function starting(
  start: number,
  count: number,
  { length, head, tail }: { readonly length: number; readonly head: number; readonly tail: number },
): number[] {
  return [...range(0, head), ...range(head + start, head + start + count), ...range(length - tail, length)];
}

/** @param windowOf of a token of the content; the head is read from the first window, the tail from the last */
function owned(
  length: number,
  windows: readonly (readonly number[])[],
  windowOf: (token: number) => number,
): Parts {
  const places = windows.map((tokens) => new Map(tokens.map((token, place) => [token, place])));
  const owners = range(0, length).map((token) => {
    const window = Math.min(windows.length - 1, Math.max(0, windowOf(token)));
    const place = places[window]?.get(token);
    return place === undefined ? undefined : { window, place };
  });
  return { windows, owners };
}

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}
