import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { LsgError } from "../../src/base/errors.js";
import { convert } from "../../src/commands/convert.js";
import { parseConvertOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import { writeSafetensors } from "../support/safetensors.js";
import { type TinyModel, tinyTensors, writeTinyModel } from "../support/tiny-model.js";

const WEIGHT = "encoder.layer.0.output.dense.weight";
const ORIGINAL =
  "Convert the model that it was quantised from; lsg makes graphs of 8 and 4 bits of the result (--onnx q8,q4).";

async function refusal(model: TinyModel): Promise<LsgError> {
  const output = join(await temporaryFolder(), "out");
  const error: unknown = await convert(await writeTinyModel(model), output, parseConvertOptions({})).catch(
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(LsgError);
  return error as LsgError;
}

/** Tensors in the place of a weight. */
const withTensors = (dtype: "I8" | "I32" | "U8" | "F8_E4M3", names: readonly string[]) => {
  const { [WEIGHT]: _, ...others } = tinyTensors();
  const size = dtype === "I32" ? 4 : 1;
  const made = names.map((name) => [name, { dtype, shape: [2, 2], bytes: Buffer.alloc(4 * size) }] as const);
  return { files: { "model.safetensors": writeSafetensors({ ...others, ...Object.fromEntries(made) }) } };
};

describe("quantised weights are refused", () => {
  test.each([
    ["bitsandbytes, 8 bits", "I8", [WEIGHT]],
    ["bitsandbytes, 4 bits", "U8", [WEIGHT, `${WEIGHT}.absmax`]],
    ["bitsandbytes, by its scales alone", "I8", ["encoder.layer.0.output.dense.SCB"]],
    ["GPTQ", "I32", ["encoder.layer.0.output.dense.qweight", "encoder.layer.0.output.dense.qzeros"]],
    ["compressed-tensors", "I32", ["encoder.layer.0.output.dense.weight_packed"]],
    ["FP8", "F8_E4M3", [WEIGHT]],
    ["HQQ", "U8", ["encoder.layer.0.output.dense.W_q"]],
    ["AQLM", "I8", ["encoder.layer.0.output.dense.codebooks"]],
    ["quanto", "I8", [`${WEIGHT}._data`, `${WEIGHT}._scale`]],
  ] as const)("by their tensors: %s", async (_, dtype, names) => {
    const { message, remedy } = await refusal(withTensors(dtype, names));
    expect(message).toBe(
      `model.safetensors: tensor "${names[0]}" is ${dtype} [2,2]: the weights are quantised`,
    );
    expect(remedy).toBe(ORIGINAL);
  });

  test("with the method that config.json names", async () => {
    const config = { quantization_config: { quant_method: "gptq", bits: 4 } };
    const { message } = await refusal({
      ...withTensors("I32", ["encoder.layer.0.output.dense.qweight"]),
      config,
    });
    expect(message).toMatch(/the weights are quantised \(gptq\)$/);
  });

  test("by config.json alone, and without the key they convert", async () => {
    const config = { quantization_config: { quant_method: "bitsandbytes", load_in_8bit: true } };
    const { message, remedy } = await refusal({ config });
    expect(message).toBe(
      "config.json: quantization_config says that the weights are quantised (bitsandbytes), and none of them is",
    );
    expect(remedy).toMatch(
      /If these are its weights as floats again, take quantization_config out of config.json\.$/,
    );
    const output = join(await temporaryFolder(), "out");
    await convert(
      await writeTinyModel({ config: { quantization_config: null } }),
      output,
      parseConvertOptions({}),
    );
  });
});
