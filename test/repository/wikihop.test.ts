import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Tokenizer } from "@huggingface/tokenizers";
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/commands/export.js";
import { parseExportOptions } from "../../src/options/options.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";

interface Question {
  readonly id: string;
  readonly query: string;
  readonly candidates: readonly string[];
  readonly supports: readonly string[];
  readonly answer: string;
}

const SCRIPT = fileURLToPath(new URL("../../docs/wikihop.mjs", import.meta.url));
const WIKIHOP = join(FIXTURES, "wikihop");
const json = (...path: string[]) => JSON.parse(readFileSync(join(WIKIHOP, ...path), "utf8"));
const QUESTIONS: readonly Question[] = json("questions.json");
/** Of the file's last three questions the texts do not fit into one window. */
const LONG = 3;

/** The trained model with its graph, and what the script prints of it for some questions. */
async function answersTo(questions: readonly object[]): Promise<string[]> {
  const folder = await temporaryFolder();
  const [model, file] = [join(folder, "model"), join(folder, "questions.json")];
  cpSync(join(WIKIHOP, "model"), model, { recursive: true });
  await exportOnnx(model, undefined, parseExportOptions({ task: "candidate-scoring" }));
  writeFileSync(file, JSON.stringify(questions));
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, model, file]);
  return stdout.trimEnd().split("\n");
}

test("the script answers every question of the fixture, long ones in several windows", async () => {
  const [first, second] = QUESTIONS as [Question, Question];
  const { answer, query, ...rest } = first;
  const other = second.candidates.find((candidate) => candidate !== second.answer) ?? "";
  const more = [
    { ...rest, question: query },
    { ...second, answer: other },
  ];
  const right = QUESTIONS.map(({ id, answer }, i) => {
    return [id, answer, "right", `windows: ${i < QUESTIONS.length - LONG ? 1 : 4}`].join("\t");
  });
  expect(await answersTo([...QUESTIONS, ...more])).toEqual([
    ...right,
    `${first.id}\t${answer}\t\twindows: 1`,
    `${second.id}\t${second.answer}\twrong: ${other}\twindows: 1`,
    "accuracy: 0.938 (15 of 16)",
  ]);
});

test("its windows are those that the model was trained with, and no longer than asked", async () => {
  const {
    windowsOf,
  }: { windowsOf(question: Question, tokenizer: Tokenizer, maxLength: number): number[][] } = await import(
    SCRIPT
  );
  const tokenizer = new Tokenizer(json("model", "tokenizer.json"), json("model", "tokenizer_config.json"));
  const expected: Record<string, { windows: number[][] }> = json("expected.json");
  for (const question of QUESTIONS) {
    expect(windowsOf(question, tokenizer, 128)).toEqual(expected[question.id]?.windows);
  }
  const question = QUESTIONS.at(-1) as Question;
  const [whole = []] = windowsOf(question, tokenizer, 10_000);
  const prefix = whole.slice(0, whole.lastIndexOf(252) + 1);
  for (const length of [prefix.length + 3, 64, 100]) {
    const windows = windowsOf(question, tokenizer, length);
    expect(Math.max(...windows.map((ids) => ids.length))).toBe(length);
    for (const ids of windows) expect(ids.slice(0, prefix.length)).toEqual(prefix);
    const text = windows.flatMap((ids) => ids.slice(prefix.length + 1, -1));
    expect(text).toEqual(whole.slice(prefix.length + 1, -1));
  }
  expect(() => windowsOf(question, tokenizer, prefix.length + 2)).toThrow(
    /question and candidates have \d+ tokens/,
  );
  const bare = windowsOf({ ...question, supports: [] }, tokenizer, 64);
  expect(bare).toEqual([[...prefix, 3, 3]]);
});

test("a folder without such a graph is refused, with what to do", async () => {
  const run = promisify(execFile)(process.execPath, [
    SCRIPT,
    join(WIKIHOP, "model"),
    join(WIKIHOP, "questions.json"),
  ]);
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no graph that scores candidates: lsg export .* --task candidate-scoring/),
  });
});
