import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MARK_FILE } from "../../src/checkpoint/interrupted/mark.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { runHere } from "../support/in-process.js";
import { markAs } from "../support/killed-run.js";

/** What each verb that opens a folder is given. */
const VERBS: Readonly<Record<string, (folder: string) => readonly string[]>> = {
  convert: (folder) => ["convert", folder, `${folder}-long`],
  export: (folder) => ["export", folder],
  verify: (folder) => ["verify", folder],
  push: (folder) => ["push", folder, "org/name"],
  inspect: (folder) => ["inspect", folder],
  bench: (folder) => ["bench", folder],
  predict: (folder) => ["predict", folder, "data.csv"],
  evaluate: (folder) => ["evaluate", folder, "--data", "data.csv"],
};
const OTHERS = ["batch", "architectures", "completion", "help"];

test("every verb is one that opens a folder, or none", async () => {
  const { stdout } = await runHere(["--help"]);
  const verbs = [...(stdout.split("Commands:")[1] ?? "").matchAll(/^ {2}(\w+)/gm)].map(([, verb]) => verb);
  expect(verbs.sort()).toEqual([...Object.keys(VERBS), ...OTHERS].sort());
});

test.each(Object.keys(VERBS))("lsg %s refuses a folder that is not whole", async (verb) => {
  const folder = join(await temporaryFolder(), "model");
  await cp(join(FIXTURES, "bert", "checkpoint"), folder, { recursive: true });
  const args = VERBS[verb]?.(folder) ?? [];
  await markAs(folder, { id: "0123456789ab", target: "", fills: true });
  const killed = await runHere(args);
  expect([killed.code, killed.stderr]).toEqual([
    2,
    `lsg: ${folder} is not whole: a run that wrote it was killed (${MARK_FILE})\n` +
      "     Run the command that wrote it again: it begins by putting that right.\n",
  ]);
  for (const mark of ["", "{}", "not JSON"]) {
    await writeFile(join(folder, MARK_FILE), mark);
    const { code, stderr } = await runHere(args);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/is not whole.*\n.*remove the folder, or \.lsg-partial/),
    ]);
  }
});
