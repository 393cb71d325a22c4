/** Writes the Python files that conversions hold, one for each model type; `npm run build` runs it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { LICENCE, MODELING_FOLDER, packageInfo } from "../../src/base/package.js";
import { assembleModeling, readParts } from "./assemble.js";

const parts = readParts();
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
