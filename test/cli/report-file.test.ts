import { readdirSync, readFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { tryReport, writeReport } from "../../src/cli/report-file.js";
import { temporaryFolder } from "../support/fixtures.js";
import { runHere } from "../support/in-process.js";

/** A folder with a file, a folder, and a link to nowhere, the latter called like reports. */
async function place(ending = "") {
  const folder = await temporaryFolder();
  await mkdir(join(folder, `folder${ending}`));
  await writeFile(join(folder, "file"), "the user's");
  await symlink(join("nowhere", "at all"), join(folder, `link${ending}`));
  return folder;
}

const BAD = [
  ["nowhere/report", "Name a place in a folder that is there."],
  ["file/report", "A part of the path is a file: name another folder."],
  ["folder", "A folder of that name is there: name a file."],
  ["link", "Name a place in a folder that is there."],
  ["a".repeat(300), "The path is too long: name a shorter one."],
] as const;

const FLAGS = [
  [["verify", "no-model", "--report"], ".md"],
  [["bench", "no-model", "--html"], ".html"],
  [["evaluate", "no-model", "--data", "no-data.csv", "--html"], ".html"],
  [["batch", "no-jobs.json", "--junit"], ".xml"],
  [["inspect", "no-model", "--picture"], ".svg"],
] as const;

describe("a report that cannot be written is refused before the work", () => {
  test.each(FLAGS)("by lsg %s", async (args, ending) => {
    for (const [name, remedy] of BAD) {
      const folder = await place(ending);
      const before = readdirSync(folder);
      const { code, stderr } = await runHere([...args, join(folder, name + ending)]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(remedy)]);
      expect(readdirSync(folder)).toEqual(before);
    }
  });

  test("and one that can be is not there before it is written", async () => {
    const folder = await place();
    const { code } = await runHere([
      "verify",
      join(folder, "nowhere"),
      "--report",
      join(folder, "report.md"),
    ]);
    expect(code).toBe(2);
    expect(readdirSync(folder).sort()).toEqual(["file", "folder", "link"]);
    await mkdir(join(folder, "nowhere"));
    await tryReport(join(folder, "link"));
    await tryReport(join(folder, "file"));
    expect(readdirSync(join(folder, "nowhere"))).toEqual([]);
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("the user's");
    await writeReport(join(folder, "link"), "a report");
    expect(readFileSync(join(folder, "nowhere", "at all"), "utf8")).toBe("a report");
  });
});
