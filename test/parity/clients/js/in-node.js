// node in-node.js FOLDER JOB.json OUTPUT: writes what a job gives.
import { readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as transformers from "@huggingface/transformers";
import { results } from "./page/jobs.js";

const [folder, job, output] = process.argv.slice(2);
Object.assign(transformers.env, { allowRemoteModels: false, localModelPath: dirname(folder) });
for await (const [name, content] of results(
  transformers,
  JSON.parse(await readFile(job)),
  basename(folder),
)) {
  await writeFile(join(output, name), content);
}
