#!/usr/bin/env node
// Answers questions in WikiHop's format with a graph that scores candidates:
//
//     lsg export FOLDER --task candidate-scoring
//     node docs/wikihop.mjs FOLDER QUESTIONS.json [MAX_LENGTH]
//
// A question has candidates, texts that support one of them, and mostly its answer:
//
//     [{ "id": "…", "query": "…", "candidates": ["…"], "supports": ["…"], "answer": "…" }]
//
// The input is that of the Longformer paper: question and candidates between tokens of their own, then the texts. What
// does not fit is split into windows, each behind question and candidates; the scores of all windows are averaged.
import { existsSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "@huggingface/tokenizers";
import * as ort from "onnxruntime-node";

const TOKENS = ["[question]", "[/question]", "[ent]", "[/ent]"];

/**
 * A question's inputs: ids with question and candidates in front, none longer than `maxLength`.
 * @param {{ query?: string, question?: string, candidates: string[], supports: string[] }} question
 * @param {Tokenizer} tokenizer
 * @param {number} maxLength
 * @returns {number[][]}
 */
export function windowsOf({ query, question = query, candidates, supports }, tokenizer, maxLength) {
  // With a space in front a word has the token that it has inside of a text.
  const words = (text) => tokenizer.encode(` ${text}`, { add_special_tokens: false }).ids;
  const [begin, close, entity, end] = TOKENS.map((token) => tokenizer.token_to_id(token));
  const [first, separator] = tokenizer.encode("").ids;
  const prefix = [
    first,
    begin,
    // WikiHop writes its relations in one word: record_label.
    ...words(question.replaceAll("_", " ")),
    close,
    ...candidates.flatMap((candidate) => [entity, ...words(candidate), end]),
  ];
  const text = supports.flatMap((support) => [separator, ...words(support)]).slice(1);
  const room = maxLength - prefix.length - 2;
  if (room < 1) {
    throw new RangeError(
      `question and candidates have ${prefix.length} tokens; the windows have ${maxLength}`,
    );
  }
  const count = Math.max(1, Math.ceil(text.length / room));
  return Array.from({ length: count }, (_, i) => [
    ...prefix,
    separator,
    ...text.slice(i * room, (i + 1) * room),
    separator,
  ]);
}

/** A folder's graph and tokenizer. */
async function open(folder) {
  const json = async (name) => JSON.parse(await readFile(join(folder, name), "utf8"));
  const paths = ["onnx/model.onnx", "model.onnx"].map((path) => join(folder, path));
  const graph = paths.find((path) => existsSync(path));
  const session = graph && (await ort.InferenceSession.create(graph));
  if (!session?.outputNames.includes("window_logits")) {
    throw new Error(
      `${folder} has no graph that scores candidates: lsg export ${folder} --task candidate-scoring`,
    );
  }
  const settings = await json("tokenizer_config.json");
  const { pad_token_id: padId } = await json("config.json");
  const tokenizer = new Tokenizer(await json("tokenizer.json"), settings);
  return { session, tokenizer, padId, longest: settings.model_max_length };
}

/** A score for each candidate: the windows are one batch. */
async function score({ session, padId }, windows) {
  const length = Math.max(...windows.map((ids) => ids.length));
  const tensor = (rows, padding) => {
    const values = rows.flatMap((row) => [...row, ...Array(length - row.length).fill(padding)]);
    return new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [rows.length, length]);
  };
  const zeros = windows.map((ids) => ids.map(() => 0));
  const feeds = {
    input_ids: tensor(windows, padId),
    attention_mask: tensor(
      windows.map((ids) => ids.map(() => 1)),
      0,
    ),
    // Some models have token types.
    token_type_ids: tensor(zeros, 0),
  };
  const { logits } = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]])),
  );
  return [...logits.data];
}

async function main([folder, file, length]) {
  if (file === undefined) throw new Error("usage: node wikihop.mjs FOLDER QUESTIONS.json [MAX_LENGTH]");
  const model = await open(folder);
  const questions = JSON.parse(await readFile(file, "utf8"));
  let [right, judged] = [0, 0];
  for (const question of questions) {
    const windows = windowsOf(question, model.tokenizer, Number(length ?? model.longest));
    const scores = await score(model, windows);
    const prediction = question.candidates[scores.indexOf(Math.max(...scores))];
    const { id, answer } = question;
    const verdict = answer === undefined ? "" : answer === prediction ? "right" : `wrong: ${answer}`;
    console.log([id, prediction, verdict, `windows: ${windows.length}`].join("\t"));
    if (answer !== undefined) judged++;
    if (answer === prediction) right++;
  }
  if (judged > 0) console.log(`accuracy: ${(right / judged).toFixed(3)} (${right} of ${judged})`);
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  await main(process.argv.slice(2)).catch((error) => {
    console.error(`wikihop: ${error.message}`);
    process.exitCode = 1;
  });
}
