/** Writes the Python files that conversions hold, one for each model type; `npm run build` runs it. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { LICENCE, MODELING_FOLDER, MODELING_PARTS, packageInfo } from "../../src/base/package.js";
import { assembleModeling } from "./assemble.js";

const files = readdirSync(MODELING_PARTS).filter((file) => /^(modeling_)?lsg_\w+\.py$/.test(file));
const parts = new Map(
  files.map((file) => [file.slice(0, -3), readFileSync(new URL(file, MODELING_PARTS), "utf8")]),
);
const { name, version } = packageInfo();
const header =
  `The modelling code of ${name} ${version}, for transformers 4.40 and later: they run it where they are told to, with ` +
  `trust_remote_code=True.\n\n${readFileSync(LICENCE, "utf8")}`;

rmSync(MODELING_FOLDER, { recursive: true, force: true });
mkdirSync(MODELING_FOLDER, { recursive: true });
for (const own of parts.keys()) {
  if (!own.startsWith("modeling_")) continue;
  writeFileSync(new URL(`${own}.py`, MODELING_FOLDER), assembleModeling(own, parts, header));
}
