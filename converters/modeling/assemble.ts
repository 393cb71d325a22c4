/**
 * Puts the parts of the modelling code together: one Python file for each model type, which imports no other. Of two files
 * that import each other transformers up to 4.53 opens none in a folder with a dot in its name.
 */

import { readdirSync, readFileSync } from "node:fs";
import { MODELING_PARTS } from "../../src/base/package.js";

/** Lies beside the parts, and is run by itself. */
const PROGRAM = "verify_modeling.py";

/** Characters in a line, as in the parts. */
const WIDTH = 110;

/** What people may take from a file although no model in it does. */
const OFFERED: ReadonlySet<string> = new Set(["BlockLocalSelfAttention"]);

const INSTALLED = /^(torch|transformers)\b/;

/** A statement at the top of a file: what it defines, and what it needs. */
interface Block {
  readonly name: string;
  readonly text: string;
  /** The text without what is said about it. */
  readonly code: string;
}

/** One Python name that a file imports from an installed package. */
interface Import {
  /** `torch.nn`; undefined for `import torch`. */
  readonly from: string | undefined;
  /** `functional as F`. */
  readonly what: string;
  /** `F`. */
  readonly name: string;
}

/** A Python file of ours, taken apart. */
interface Part {
  readonly docstring: string;
  /** Other parts that it imports, by their names. */
  readonly needs: readonly string[];
  readonly imports: readonly Import[];
  readonly blocks: readonly Block[];
}

/** The texts of all parts by name: `windows_plan`, `modeling_windows_bert`. */
export function readParts(): Map<string, string> {
  const files = readdirSync(MODELING_PARTS).filter((file) => file.endsWith(".py") && file !== PROGRAM);
  return new Map(
    files.map((file) => [file.slice(0, -3), readFileSync(new URL(file, MODELING_PARTS), "utf8")]),
  );
}

/**
 * The file of one model type. Of its parts it holds what it uses, each behind those that it needs.
 * @param own the name of the model type's own part: `modeling_lsg_bert`
 * @param parts texts of all parts by name
 * @param header lines to stand above it
 * @throws Error for parts that can't stand in one file
 */
export function assembleModeling(own: string, parts: ReadonlyMap<string, string>, header: string): string {
  const ordered = [...inOrder(own, parts, new Map()).values()];
  const main = ordered.at(-1)!;
  const kept = used(
    ordered.flatMap(({ blocks }) => blocks),
    main.blocks,
  );
  const imports = ordered.flatMap((part) => part.imports);
  const mentioned = imports.filter(({ name }) => [...kept].some(({ code }) => mentions(code, name)));
  refuseTwins(kept, mentioned);
  const sections = ordered.map((part) => {
    const blocks = part.blocks.filter((block) => kept.has(block));
    if (blocks.length === 0) return [];
    return part === main ? joined(blocks) : [comment(part.docstring), joined(blocks)];
  });
  const head = `${comment(header)}\n"""${main.docstring}"""\n\nfrom __future__ import annotations`;
  return `${[head, importLines(mentioned), sections.flat().join("\n\n\n")].join("\n\n")}\n`;
}

/** A part and all that it needs, each behind what it needs itself. */
function inOrder(
  name: string,
  parts: ReadonlyMap<string, string>,
  found: Map<string, Part>,
): Map<string, Part> {
  const text = parts.get(name);
  if (text === undefined) throw new Error(`${name}.py is not there`);
  const part = takeApart(name, text);
  for (const needed of part.needs) if (!found.has(needed)) inOrder(needed, parts, found);
  return found.set(name, part);
}

function takeApart(file: string, text: string): Part {
  const [all, docstring] = /^"""([\s\S]*?)"""\n/.exec(text) ?? [];
  if (all === undefined || docstring === undefined) throw new Error(`${file}.py has no docstring`);
  let rest = text.slice(all.length).trimStart();
  const [needs, imports]: [string[], Import[]] = [[], []];
  for (;;) {
    const [statement, from, list] =
      /^(?:from (\S+) )?import (\([^)]*\)|[^\n(#]+)(?: *#[^\n]*)?\n\s*/.exec(rest) ?? [];
    if (statement === undefined || list === undefined) break;
    rest = rest.slice(statement.length);
    if (from === "__future__") continue;
    if (from?.startsWith(".")) needs.push(from.slice(1));
    else imports.push(...names(list).map((what) => importOf(from, what)));
  }
  return {
    docstring,
    needs,
    imports,
    blocks: rest
      .trim()
      .split(/\n\n+(?=\S)/)
      .map((block) => blockOf(file, block)),
  };
}

function names(list: string): string[] {
  return list
    .replace(/[()]/g, "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function importOf(from: string | undefined, what: string): Import {
  return { from, what, name: what.split(" as ").at(-1)! };
}

function blockOf(file: string, text: string): Block {
  const code = text.replace(/"""[\s\S]*?"""/g, "").replace(/(^|\s)#.*$/gm, "");
  const defined = [...code.matchAll(/^(?:(?:class|def) (\w+)|(\w+)(?:: [^=\n]+)? = )/gm)];
  const name = defined[0]?.[1] ?? defined[0]?.[2];
  if (name === undefined || defined.length !== 1) {
    throw new Error(
      `${file}.py: expected one definition between blank lines, found ${defined.length} in\n${text}`,
    );
  }
  return { name, text, code };
}

/** What is offered or needed, by those blocks or by what they need. */
function used(blocks: readonly Block[], by: readonly Block[]): Set<Block> {
  const kept = new Set([...by, ...blocks.filter(({ name }) => OFFERED.has(name))]);
  // A set hands out what is added to it on the way.
  for (const { code } of kept) {
    for (const block of blocks) if (mentions(code, block.name)) kept.add(block);
  }
  return kept;
}

function mentions(code: string, name: string): boolean {
  return new RegExp(`(?<![.\\w])${name}\\b`).test(code);
}

/** Two of one name in one file: the later one would take the other's place. */
function refuseTwins(blocks: ReadonlySet<Block>, imports: readonly Import[]): void {
  const all = [
    ...[...blocks].map(({ name }) => name),
    ...new Map(imports.map(({ from, what, name }) => [`${from} ${what}`, name])).values(),
  ];
  const twin = all.find((name, i) => all.indexOf(name) !== i);
  if (twin !== undefined) throw new Error(`${twin} is defined in two of the parts that stand in one file`);
}

/** Constants keep close, classes and functions keep apart. */
function joined(blocks: readonly Block[]): string {
  const isConstant = ({ text }: Block) => /^\w+(: [^=\n]+)? = /.test(text);
  return blocks
    .map((block, i) => {
      const before = blocks[i - 1];
      const isClose = before && isConstant(before) && isConstant(block);
      return `${before ? (isClose ? "\n\n" : "\n\n\n") : ""}${block.text}`;
    })
    .join("");
}

/** Whole modules before names, the standard library before what is installed. */
function importLines(imports: readonly Import[]): string {
  const groups = [false, true].map((installed) => {
    const group = imports.filter(({ from, what }) => INSTALLED.test(from ?? what) === installed);
    const whole = group.filter(({ from }) => from === undefined).map(({ what }) => `import ${what}`);
    const from = [...new Set(group.flatMap((one) => one.from ?? []))].sort();
    return [
      ...[...new Set(whole)].sort(),
      ...from.map((module) =>
        fromLine(
          module,
          group.filter((one) => one.from === module),
        ),
      ),
    ].join("\n");
  });
  return groups.filter((lines) => lines !== "").join("\n\n");
}

function fromLine(module: string, imports: readonly Import[]): string {
  const sorted = [...new Set(imports.map(({ what }) => what))].sort(byKind);
  const line = `from ${module} import ${sorted.join(", ")}`;
  if (line.length <= WIDTH) return line;
  return `from ${module} import (\n${sorted.map((name) => `    ${name},\n`).join("")})`;
}

/** Constants, then classes, then functions and modules, as Python's formatters sort. */
function byKind(a: string, b: string): number {
  const kind = (name: string) => (/^[A-Z_\d]+$/.test(name) ? 0 : /^[A-Z]/.test(name) ? 1 : 2);
  return kind(a) - kind(b) || (a < b ? -1 : 1);
}

/** A text as a comment, its paragraphs wrapped anew. */
function comment(text: string): string {
  return text
    .trim()
    .split(/\n\n+/)
    .map((paragraph) =>
      wrapped(paragraph.split(/\s+/))
        .map((line) => `# ${line}`)
        .join("\n"),
    )
    .join("\n#\n");
}

function wrapped(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= WIDTH - 2) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
