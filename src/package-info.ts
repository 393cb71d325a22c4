import { existsSync, readFileSync } from "node:fs";

/** What package.json says of lsg; it lies above `src/`, and above `dist/src/` where that is what runs. */
export function packageInfo(): { readonly version: string; readonly description: string } {
  const beside = new URL("../package.json", import.meta.url);
  const path = existsSync(beside) ? beside : new URL("../../package.json", import.meta.url);
  return JSON.parse(readFileSync(path, "utf8"));
}
