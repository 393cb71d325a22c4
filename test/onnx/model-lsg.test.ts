import { join } from "node:path";
import { describe, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { shareOf } from "../support/variants.js";
import { caseSource, compareOutputs, outputGoldens, typesOf } from "./model-cases.js";

const TYPES = typesOf("encoder").filter((type) => outputGoldens(type).cases.some(({ lsg }) => lsg));

describe.each(TYPES.map((type, i) => [type, i] as const))(
  "%s, LSG, computes what PyTorch computes",
  (modelType, i) => {
    const goldens = outputGoldens(modelType);
    const cases = goldens.cases.flatMap((golden) => (golden.lsg ? [[golden.name, golden] as const] : []));

    test.each(shareOf(cases, i))("%s", async (_, golden) => {
      const folder = await temporaryFolder();
      const options = parseConvertOptions({
        preset: "reference",
        maxSequenceLength: golden.max_length,
        modelKwargs: golden.lsg,
        onnx: true,
        task: golden.task ?? undefined,
      });
      await convert(await caseSource(goldens, golden, folder), join(folder, "lsg"), options);
      await compareOutputs(goldens, golden, join(folder, "lsg", "onnx", "model.onnx"));
    });
  },
);
