import { expect, test } from "vitest";
import { fileArguments, normaliseSpelling } from "../../src/cli/reference-spelling.js";

const BOOLEANS = new Set(["use-token-ids", "resize-lsg", "run-test", "force", "adaptive"]);
const normalise = (line: string) => normaliseSpelling(line.split(" "), BOOLEANS).join(" ");

test.each([
  ["--initial_model a --model_name b", "--initial-model a --model-name b"],
  [
    "--initial_model=a --model_name=b --max_sequence_length 16",
    "--initial-model=a --model-name=b --max-sequence-length 16",
  ],
  ["m o --use_token_ids False", "m o --no-use-token-ids"],
  ["m o --use_token_ids true --seed 1", "m o --use-token-ids --seed 1"],
  ["m o --use-token-ids=no", "m o --no-use-token-ids"],
  ["m o --no_use_token_ids", "m o --no-use-token-ids"],
  ["m --resize_lsg o", "m --resize-lsg o"],
  ["--resize_lsg n m o", "--no-resize-lsg m o"],
  ["m o --use_auth_token", "m o"],
  ["--use_auth_token 0 m o", "m o"],
  ["--force n o", "--force n o"],
  ["--adaptive 1 2", "--adaptive 1 2"],
  ["m --adaptive False --force=no", "m --no-adaptive --no-force"],
  ["m o --use_auth_token True", "m o"],
  ["m o --resize_lsg=maybe", "m o --resize-lsg=maybe"],
  ["m o -- --initial_model", "m o -- --initial_model"],
  ["my_model my_output", "my_model my_output"],
])("%s → %s", (given, expected) => expect(normalise(given)).toBe(expected));

test("a value with underscores, spaces and equals signs stays as it is", () => {
  const kwargs = "{'sparsity_type': 'lsh', 'a': 'b=c'}";
  expect(normaliseSpelling(["m", `--model_kwargs=${kwargs}`], BOOLEANS)).toEqual([
    "m",
    `--model-kwargs=${kwargs}`,
  ]);
  expect(normaliseSpelling(["m", "--model_kwargs", kwargs], BOOLEANS)).toEqual([
    "m",
    "--model-kwargs",
    kwargs,
  ]);
});

test("the reference's file of arguments becomes its command line", () => {
  const args = fileArguments({
    initial_model: "a",
    model_name: "b",
    resize_lsg: true,
    use_token_ids: false,
    architecture: null,
    model_kwargs: { block_size: 32 },
  });
  expect(normaliseSpelling(args, BOOLEANS)).toEqual([
    "--initial-model=a",
    "--model-name=b",
    "--resize-lsg",
    "--no-use-token-ids",
    '--model-kwargs={"block_size":32}',
  ]);
});
