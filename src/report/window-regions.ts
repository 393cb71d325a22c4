import { sharedTokens, type WindowsConfig } from "../attention/windows.js";
import type { BlockView, Span } from "./attention-shape.js";

/** Windows that a picture shows: those at the ends, which have one neighbour, and some between. */
const SHOWN_WINDOWS = 6;

/** A length at which a text has as many windows as a picture shows, each with as much of its neighbours as there can be. */
export function windowsLength(windows: WindowsConfig): number {
  return windows.window_size + (SHOWN_WINDOWS - 1) * step(windows);
}

/** Tokens from which on a window may begin behind the one before it. */
function step(windows: WindowsConfig): number {
  return windows.window_size - windows.window_head - windows.window_tail - sharedTokens(windows);
}

/**
 * The windows of a single text of `length` tokens: which tokens are read from each (`queries` and `local`), and which
 * others stand in it (`sparse`). What all windows repeat is left out of the others: see `attentionSentence`.
 */
export function windowViews(windows: WindowsConfig, length: number): BlockView[] {
  const { window_size: size, window_head: head, window_tail: tail } = windows;
  const beyond = Math.max(0, length - size);
  const gaps = Math.ceil(beyond / step(windows));
  if (gaps === 0) {
    const all = { from: 0, to: length };
    return [{ queries: all, local: all, sparse: [] }];
  }
  const room = size - head - tail;
  const start = (window: number) => Math.floor((2 * window * beyond + gaps) / (2 * gaps));
  const owner = (token: number) => {
    const nearest = Math.floor(((2 * (token - head) - room + 1) * gaps + beyond) / (2 * beyond));
    return Math.min(gaps, Math.max(0, nearest));
  };
  const owners = Array.from({ length }, (_, token) => owner(token));
  return Array.from({ length: gaps + 1 }, (_, window): BlockView => {
    const own: Span = { from: owners.indexOf(window), to: owners.lastIndexOf(window) + 1 };
    const [from, to] = [start(window), start(window) + size];
    const before = { from: window === 0 ? 0 : from + head, to: own.from };
    const behind = { from: own.to, to: window === gaps ? to : to - tail };
    return { queries: own, local: own, sparse: [before, behind].filter((span) => span.from < span.to) };
  });
}
