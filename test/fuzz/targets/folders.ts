import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { CheckpointError, LsgError, OptionError } from "../../../src/base/errors.js";
import { unfitForPaths } from "../../../src/base/printable.js";
import { expandJobs } from "../../../src/batch/expand.js";
import { parseJobs } from "../../../src/batch/read-jobs.js";
import { readCheckpoint } from "../../../src/checkpoint/checkpoint.js";
import { openFolder } from "../../../src/checkpoint/folder.js";
import { planToJson, summarise } from "../../../src/cli/convert.js";
import { openModel } from "../../../src/model/open.js";
import { readFunctions } from "../../../src/onnx/read-functions.js";
import { parseConvertOptions, parseRecordedOptions, resultOptions } from "../../../src/options/options.js";
import { RECORD_FILE, readRecord, recordText } from "../../../src/plan/conversion-record.js";
import { cardMetadata } from "../../../src/plan/model-card-metadata.js";
import { planModel } from "../../../src/plan/plan-source.js";
import type { ConversionRecord } from "../../../src/plan/types.js";
import { completeCard } from "../../../src/push/card.js";
import { must, type Target } from "../target.js";
import { writeTinyFolder } from "../tiny-folder.js";

const none = async () => {};

/** A graph's functions, which is what lsg itself parses of one; the rest is for ONNX Runtime, in a process of its own. */
export const onnx: Target = {
  kind: "bytes",
  fixtures: [],
  words: [
    "\xca\x01",
    "\x3a",
    "\x08\x08",
    "\x42\x02\x10\x11",
    "\xff\xff\xff\xff\x0f",
    "\x0b",
    "\x0c",
    "\x0d",
    "\n\x03lsg",
  ],
  refusals: [CheckpointError],
  async check(input, folder) {
    const path = join(folder, "model.onnx");
    await writeFile(path, input);
    const functions = await readFunctions(path, "fuzz");
    must(functions.length <= input.length, "a function takes a byte at least");
  },
};

/** An index of shards: what is opened lies in the folder. */
export const index: Target = {
  kind: "json",
  fixtures: [],
  words: [
    '"weight_map"',
    '"metadata"',
    '"model-00001-of-00001.safetensors"',
    '"../x"',
    '"/etc/passwd"',
    '".git/config"',
    ":",
    ",",
  ],
  refusals: [LsgError],
  async prepare(folder) {
    await writeTinyFolder(folder, "model-00001-of-00001.safetensors");
    return none;
  },
  async check(input, folder) {
    await writeFile(join(folder, "model.safetensors.index.json"), input);
    const { tensors, source } = await readCheckpoint(await openFolder(folder));
    for (const [name, { file }] of tensors) must(source.files.has(file), `${name} lies in the folder`);
  },
};

/** A configuration: a model is planned whole, and the plan can be shown, or it is refused with a reason. */
export const config: Target = {
  kind: "json",
  fixtures: [],
  words: [
    '"model_type"',
    '"architectures"',
    '"bert"',
    '"roberta"',
    '"max_position_embeddings"',
    "1e9",
    "-1",
    "null",
    "[]",
    "{}",
  ],
  refusals: [LsgError],
  async prepare(folder) {
    await writeTinyFolder(folder, "model.safetensors");
    return none;
  },
  async check(input, folder) {
    await writeFile(join(folder, "config.json"), input);
    const source = await openFolder(folder);
    const options = resultOptions(parseConvertOptions({ maxSequenceLength: 16 }));
    const plan = await planModel(await openModel(source).read(), options, {
      source: { model: "fuzz" },
    });
    must(!JSON.stringify(planToJson(plan)).includes('"NaN"'), "a plan is JSON");
    must(summarise("out", plan, true).startsWith("Would convert "), "a plan can be shown");
  },
};

/** A record: what is read is written as it was, and its options are options or refused. */
export const record: Target = {
  kind: "json",
  fixtures: ["earlier/0.1.0/lsg_conversion.json"],
  words: ['"options"', '"lsg"', '"source"', '"promise"', '"verified"', '"format_version"', "1", "null"],
  refusals: [CheckpointError, OptionError],
  async check(input, folder) {
    await writeFile(join(folder, RECORD_FILE), input);
    const read = await readRecord(await openFolder(folder));
    must(
      isDeepStrictEqual(JSON.parse(recordText(read)), JSON.parse(JSON.stringify(read))),
      "a record is JSON",
    );
    parseRecordedOptions(read.options);
  },
};

const METADATA_KEYS =
  /^(base_model|library_name|pipeline_tag|license|license_name|license_link|language|datasets|tags)$/;

/** A model card: of its metadata only known keys are carried over, and what is written can be read again. */
export const card: Target = {
  kind: "text",
  fixtures: [],
  words: [
    "---\n",
    "license: mit\n",
    "tags:\n- a\n",
    "&a ",
    "*a",
    "!!js/x ",
    "|-\n",
    "\u2028",
    "\x85",
    "? ",
    ": ",
    "- ",
    "<<: ",
    '"\\e"',
  ],
  refusals: [CheckpointError],
  check(input) {
    const originalCard = input.toString();
    const source = { model: "org/fuzz", revision: "0".repeat(40) };
    const record = { source, variant: "lsg" } as ConversionRecord;
    const { frontMatter } = cardMetadata({ record, kind: undefined, created: [], originalCard });
    const metadata: object = parse(frontMatter);
    must(
      Object.keys(metadata).every((key) => METADATA_KEYS.test(key)),
      "no other key comes in",
    );
    must(!/^---/m.test(frontMatter) && !/[\x85\u2028\u2029]/.test(frontMatter), "it ends where it says");
    const completed = completeCard({
      card: originalCard,
      repo: "org/fuzz",
      record,
      kind: undefined,
      task: undefined,
      isFineTuned: false,
    });
    must(completed.text.includes("library_name"), "what is known is filled in");
  },
};

/** A file of jobs: whatever is expanded writes to places of its own, whose paths are lines. */
export const jobs: Target = {
  kind: "text",
  fixtures: [],
  words: [
    "jobs:\n",
    "  - model: m\n",
    "    output: o/{name}\n",
    "    matrix: {seed: [1, 2]}\n",
    "defaults:",
    "&a",
    "*a",
    "{",
    "}",
    "[",
    "]",
    '"\\n"',
    "? ",
    "%YAML 1.1\n---\n",
  ],
  refusals: [OptionError],
  check(input) {
    const { file, locate } = parseJobs(input.toString(), "fuzz.yaml");
    const all = expandJobs(file, locate);
    for (const { name, output, model } of all) {
      must(
        [name, output, model].every((text) => unfitForPaths(text) === undefined),
        "paths are lines",
      );
    }
    must(new Set(all.map(({ output }) => output)).size === all.length, "no two jobs write to one place");
  },
};
