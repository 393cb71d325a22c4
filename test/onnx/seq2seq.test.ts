import { join } from "node:path";
import { describe, test } from "vitest";
import { convert } from "../../src/commands/convert.js";
import { exportOnnx } from "../../src/commands/export.js";
import { parseConvertOptions, parseExportOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { shareOf } from "../support/variants.js";
import { caseSource, globalAttentionOf, type OutputCase, outputGoldens, typesOf } from "./model-cases.js";
import { compareSeq2Seq } from "./seq2seq-cases.js";

/** Beam search is the client's, and so are the longest inputs: see test/parity/clients. */
const isOurs = ({ name, generate }: OutputCase) =>
  (generate?.num_beams ?? 1) === 1 && !name.endsWith("-long");

describe.each(typesOf("encoder-decoder").map((type, i) => [type, i] as const))(
  "%s computes what PyTorch computes",
  (modelType, i) => {
    const goldens = outputGoldens(modelType);
    const cases = goldens.cases.filter(isOurs).map((golden) => [golden.name, golden] as const);

    // Of LED none.
    test.each(
      shareOf(
        cases.filter(([, { lsg }]) => lsg),
        i,
      ),
    )("%s, LSG", async (_, golden) => {
      const folder = await temporaryFolder();
      const output = join(folder, "lsg");
      const options = { preset: "reference", maxSequenceLength: golden.max_length, modelKwargs: golden.lsg };
      await convert(
        await caseSource(goldens, golden, folder),
        output,
        parseConvertOptions({ ...options, onnx: true }),
      );
      await compareSeq2Seq(goldens, golden, output);
    });

    const originals = cases.filter(([, { lsg }]) => !lsg);
    test.each(shareOf(originals, i))("%s, as it is", async (_, golden) => {
      const folder = await temporaryFolder();
      const output = join(folder, "full");
      const options = parseExportOptions(globalAttentionOf(golden));
      await exportOnnx(await caseSource(goldens, golden, folder), output, options);
      await compareSeq2Seq(goldens, golden, output);
    });

    // Classes differ in their heads, which have been seen above.
    const encoders = originals.filter(([name]) => !/^original-(Model|For)/.test(name));
    test.each(shareOf(encoders, i))("%s, converted", async (_, golden) => {
      const folder = await temporaryFolder();
      const output = join(folder, "converted");
      const isLsg = golden.checkpoint === "lsg";
      const options = { onnx: true, maxSequenceLength: 1030, resizeLsg: isLsg, ...globalAttentionOf(golden) };
      await convert(await caseSource(goldens, golden, folder), output, parseConvertOptions(options));
      await compareSeq2Seq(goldens, golden, output);
    });
  },
);
