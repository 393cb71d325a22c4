/** The first of some items, and how many more there are: "a, b and 3 more". */
export function listed(items: readonly string[], most: number): string {
  const rest = items.length - most;
  return items.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
