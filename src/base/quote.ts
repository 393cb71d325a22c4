/** Longest name from a file that is repeated in an error. */
const MAX_QUOTED = 120;

/** A text from a file for an error message: quoted, control characters escaped, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}
