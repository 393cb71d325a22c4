import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";
import { expect, test } from "vitest";

const SOURCES = fileURLToPath(new URL("../../dist/src/", import.meta.url));

/** Characters of the texts: what backtracks goes over them once for each, and so does not come to its end. */
const LENGTH = 300_000;

/** A generous time for all expressions: those that pass over a text once take a second together. */
const PATIENCE_MS = 240_000;

/** Where no text is that long: names in paths and settings, lines that programs of ours print. */
const BOUNDED: readonly string[] = [
  "batch/run-job.js", // a line of a job's
  "checkpoint/hub/errors.js", // a system's error code
  "checkpoint/left-out.js", // paths of at most 4096 characters
  "inspect/picture.js", // a picture of ours
  "model/refusals.js", // names of tensors, of at most 1024 characters
  "pickle/faults.js", // the first 200 characters of a name
  "plan/side-file-notes.js", // paths
  "push/upload.js", // an address of ours
  "report/numbers.js", // a number of ours
  "runtime/runnable.js", // the first 1000 characters of a message
];

interface Expression {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
}

test("every regular expression passes over a text once, whatever the text", async () => {
  const expressions = expressionsOf(SOURCES).filter(({ file }) => !BOUNDED.includes(file));
  expect(expressions.length).toBeGreaterThan(60);
  expect(await firstThatHangs(expressions)).toBeUndefined();
});

test("what does not is found", async () => {
  const hostile = [
    ["^(a+)+$", ""],
    ['"(?:[^"\\\\]+|\\\\.)*"', "g"],
    ["\\S*lsg-verify-", "g"],
  ].map(([pattern, flags]) => ({ file: "a test", pattern, flags }) as Expression);
  const found = await Promise.all(hostile.map((one) => firstThatHangs([one], 3000)));
  expect(found).toEqual(hostile);
});

/** All of the compiled sources. */
function expressionsOf(folder: string): Expression[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  return files.flatMap((file) => {
    const found: Expression[] = [];
    // biome-ignore lint/suspicious/noExplicitAny: any node of a syntax tree
    const walk = (node: any): void => {
      if (typeof node !== "object" || node === null) return;
      if (node.type === "Literal" && node.regex) found.push({ file, ...node.regex });
      for (const inner of Object.values(node)) walk(inner);
    };
    walk(parseAst(readFileSync(join(folder, file), "utf8")));
    return found;
  });
}

/** Tries each in a process of its own, which says where it is. @returns the one that it did not come behind */
function firstThatHangs(all: readonly Expression[], patience = PATIENCE_MS): Promise<Expression | undefined> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  child.stdin.end(JSON.stringify({ all, length: LENGTH }));
  const timer = setTimeout(() => child.kill("SIGKILL"), patience);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? undefined : all[said.split("\n").length - 1]);
    });
  });
}

/** Texts of one character again and again, of those that an expression names and of some others, behind its own words. */
const PROGRAM = `
import { text } from "node:stream/consumers";
const { all, length } = JSON.parse(await text(process.stdin));
for (const { pattern, flags } of all) {
  const words = pattern.match(/[A-Za-z_:-]{2,}/g) ?? [];
  const named = [...new Set(pattern.replace(/\\\\[a-zA-Z]/g, ""))];
  const units = [...new Set([...named, ...words, ..."a0_ \\n\\"\\\\/.:é"])];
  const befores = ["", ...(pattern.startsWith('"') ? ['"'] : []), ...words.slice(0, 1)];
  for (const before of befores) for (const unit of units) {
    const body = before + unit.repeat(Math.ceil(length / unit.length));
    (body + "\\u0001").replace(new RegExp(pattern, flags), "");
  }
  process.stdout.write("done\\n");
}
`;
