import { cpus, totalmem } from "node:os";
import { benchAttention } from "./attention.js";
import { benchConvert } from "./convert.js";
import { benchGeneration } from "./generation.js";

/** `npm run bench [-- convert|attention|generation] [-- --large]`: ratios, side by side in one run. */
const args = process.argv.slice(2);
const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  convert: () => benchConvert({ large: args.includes("--large") }),
  attention: () => benchAttention(lengths() ?? []),
  generation: () => benchGeneration(lengths() ?? [4096, 16384]),
};

const wanted = args.filter((arg) => Object.hasOwn(BENCHES, arg));
process.stdout.write(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB\n`,
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
