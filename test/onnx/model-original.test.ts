import { join } from "node:path";
import { describe, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { shareOf } from "../support/variants.js";
import { caseSource, compareOutputs, globalAttentionOf, outputGoldens, typesOf } from "./model-cases.js";

describe.each(typesOf("encoder").map((type, i) => [type, i] as const))(
  "%s computes what PyTorch computes",
  (modelType, i) => {
    const goldens = outputGoldens(modelType);
    const cases = goldens.cases.flatMap((golden) => (golden.lsg ? [] : [[golden.name, golden] as const]));

    test.each(shareOf(cases, i))("%s, as it is", async (_, golden) => {
      const folder = await temporaryFolder();
      const output = join(folder, "full");
      const options = parseExportOptions({ task: golden.task ?? undefined, ...globalAttentionOf(golden) });
      await exportOnnx(await caseSource(goldens, golden, folder), output, options);
      await compareOutputs(goldens, golden, join(output, "onnx", "model.onnx"));
    });

    // What the activations compute has been seen above.
    const convertible = cases.filter(([name]) => !name.startsWith("activation"));
    test.each(shareOf(convertible, i))("%s, converted", async (_, golden) => {
      const folder = await temporaryFolder();
      const output = join(folder, "converted");
      const options = {
        onnx: true,
        task: golden.task ?? undefined,
        ...globalAttentionOf(golden),
        maxSequenceLength: 650,
        // Of the one that is LSG already: its length is raised, and nothing else changes.
        resizeLsg: golden.checkpoint === "lsg",
      };
      await convert(await caseSource(goldens, golden, folder), output, parseConvertOptions(options));
      await compareOutputs(goldens, golden, join(output, "onnx", "model.onnx"));
    });
  },
);
