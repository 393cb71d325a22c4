/**
 * Loaded before lsg by `node --import`: ends the process at the KILL_AT-th call that changes something on the disk,
 * before it, after it, or in the middle of it. Without KILL_AT it counts, and adds the number to the file COUNT_IN.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const { KILL_AT, KILL_WHEN, COUNT_IN } = process.env;
const CHANGES = [
  "mkdir",
  "mkdtemp",
  "rename",
  "rm",
  "rmdir",
  "unlink",
  "writeFile",
  "copyFile",
  "link",
  "open",
];
const { unlinkSync, readdirSync, writeFileSync, appendFileSync } = fs;
let calls = 0;

const end = () => process.kill(process.pid, "SIGKILL");

/** What a call would have done before it was cut off. */
const halves = {
  rm(path) {
    for (const file of filesBelow(path).slice(0, 1)) unlinkSync(file);
  },
  writeFile(path, content, options) {
    if (typeof path === "string") writeFileSync(path, content.slice(0, content.length / 2), options);
  },
};

function filesBelow(path) {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)],
    );
  } catch {
    return [];
  }
}

for (const name of CHANGES) {
  const original = fs.promises[name];
  fs.promises[name] = async (...args) => {
    const isLast = ++calls === Number(KILL_AT);
    if (isLast && KILL_WHEN === "during") halves[name]?.(...args);
    if (isLast && KILL_WHEN !== "after") end();
    try {
      return await original(...args);
    } finally {
      if (isLast) end();
    }
  };
}
syncBuiltinESMExports();

if (COUNT_IN) process.on("exit", () => appendFileSync(COUNT_IN, `${calls}\n`));
