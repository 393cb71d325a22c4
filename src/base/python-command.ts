/**
 * A shell's command that runs some Python, for remedies: one line, to be pasted as it is.
 * @param code without single quotes; `pythonText` writes texts without them
 */
export function pythonCommand(code: string): string {
  return `python -c '${code}'`;
}

/** A text as Python writes it, fit for `pythonCommand`. */
export function pythonText(text: string): string {
  return JSON.stringify(text).replaceAll("'", "\\u0027");
}
