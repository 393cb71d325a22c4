import { surroundings } from "../../src/bench/measure.js";
import { chooseDevice } from "../../src/runtime/devices.js";
import { benchAttention } from "./attention.js";
import { benchConvert } from "./convert.js";
import { environmentLines } from "./environments.js";
import { benchGeneration } from "./generation.js";
import { benchLoading } from "./loading.js";
import { benchModelingCode } from "./modeling-code.js";

/**
 * `npm run bench [-- convert|loading|attention|generation|modeling] [-- --large] [--lengths 512,4096]`: every figure
 * of docs/benchmarks.md, side by side in one run.
 */
const args = process.argv.slice(2);
const BENCHES: Readonly<Record<string, () => Promise<void> | void>> = {
  convert: () => benchConvert({ large: args.includes("--large") || wanted.length === 0 }),
  loading: benchLoading,
  attention: () => benchAttention(lengths() ?? []),
  generation: () => benchGeneration(lengths() ?? [4096, 16384]),
  modeling: benchModelingCode,
};

const wanted = args.filter((arg) => Object.hasOwn(BENCHES, arg));
const { versions, machine } = await surroundings(await chooseDevice("cpu"));
process.stdout.write(
  `${[
    `lsg ${versions.lsg}, Node ${versions.node}, onnxruntime-node ${versions.onnxruntime}`,
    `${machine.cores} × ${machine.cpu}, ${Math.round(machine.memory_bytes / 2 ** 30)} GiB`,
    ...environmentLines(),
  ].join("\n")}\n`,
);
for (const [name, bench] of Object.entries(BENCHES))
  if (wanted.length === 0 || wanted.includes(name)) await bench();

function lengths(): number[] | undefined {
  return option("--lengths")?.split(",").map(Number);
}

function option(name: string): string | undefined {
  const at = args.indexOf(name);
  return at === -1 ? undefined : args[at + 1];
}
