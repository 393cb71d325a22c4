/** A line of its own, wherever a line's end gets through. */
const FORGED = "lsg: FORGED";

/** What acts on terminals, logs of CI, Markdown, HTML, XML and YAML, as short as a file's name has to be. */
export const HOSTILE_NAME = `a\n${FORGED}\r\n ::add-mask::b ##[add-mask]c \u001b[2J\u0007\u009b1m\u202e\u200b\u2028<b>&"'| \`![i](x)--\n- !!x: `;

/** The same, and what no file's name can hold. */
export const HOSTILE = [
  HOSTILE_NAME,
  `\r${FORGED}\u2029${FORGED}\u0085${FORGED}`,
  "\n::set-output name=folders::x\n##vso[task.setvariable]c",
  "\u001b[32mpass\u001b]0;t\u0007 \u2066\ufeff\u007f\u{e0041}\u0000\ud800\uffff",
  "<script>x</script></td></failure><img src=x onerror=y>]]><details>\n<!--",
  "``b`` [l](javascript:x) \\| @team #1 $x$ www.a.b https://evil.example :skull: *b* ```\n# H\n</details>\n",
  "\n---\nlicense: evil\n",
].join(" ");

/** What must not come out as it is. */
const ACTING =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufffe\uffff\u{e0041}]/u;

/** Lines that act on a terminal or on what runs CI jobs, or that a model wrote as if lsg had. */
export function actingLines(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => ACTING.test(line) || /^\s*(::|lsg: FORGED)|##\w*\[/.test(line))
    .map((line) => JSON.stringify(line));
}

/** Elements and attributes that are no page's or report's of ours, and what is not well formed. */
export function foreignMarkup(text: string, elements: RegExp): string[] {
  const open: string[] = [];
  const faults = actingLines(text);
  const outside = text
    .replace(/^(<\?xml [^<>]*\?>|<!doctype html>)/, "")
    .replace(/<style>[^<]*<\/style>/g, "")
    .replace(
      /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
      (tag, closes: string, name: string, attributes: string, closed: string) => {
        if (!elements.test(name) || /\s(on\w+|href|src)=/.test(attributes.replace(/"[^"]*"/g, '""')))
          faults.push(tag);
        if (closes) {
          if (open.pop() !== name) faults.push(`out of order: ${tag}`);
        } else if (!closed && !["meta", "br"].includes(name)) open.push(name);
        return "";
      },
    );
  if (/[<>]|&(?!(amp|lt|gt|quot|#39);)/.test(outside)) faults.push("a character that is not escaped");
  return [...faults, ...open.map((name) => `not closed: ${name}`)];
}

/** What of a model Markdown would take for more than text. @param own what of it is ours */
export function foreignMarkdown(text: string, own: RegExp): string[] {
  const plain = text
    .replace(own, "")
    .replace(/<!-- -->/g, " ")
    .replace(/<code>(?:[\w\s]|\p{L}|&#\d+;)*<\/code>/gu, "code")
    .replace(/```(mermaid|text)\n[^`]*```/g, "")
    .replace(/(?<![\\`])`[^`\n|\\]+`(?!`)/g, "code")
    .replace(/\\[!-/:-@[-`{-~]/g, "");
  const acting = plain.match(
    /<[a-z/!]|\]\(|!\[|\[[^\]\n]*\]|`|@\w|#\d|\$|\*(?!\*)(?!\*)\w|www\.|:\/\/|^(lsg: )?FORGED|^# H/gim,
  );
  return [...actingLines(text), ...(acting ?? [])];
}
