import { STYLE } from "./html-style.js";
import { type Markup, markup } from "./markup.js";
import type { Table } from "./table.js";

/** Nothing is loaded and no script runs, whatever a model's tokens or a file's names hold. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** A page that needs nothing else. */
export function htmlPage(title: string, body: Markup): string {
  const page = markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
${body}
</body>
</html>`;
  return `<!doctype html>\n${page.markup}\n`;
}

export function plainTable({ head, rows }: Table): Markup {
  return markup`<div class="wide"><table class="plain">
<thead><tr>${head.map((cell) => markup`<th>${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${row.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}
