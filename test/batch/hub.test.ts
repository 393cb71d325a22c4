import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BatchReport } from "../../src/batch/types.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import type { StoredRepo } from "../support/hub-repo.js";
import { setUpHub } from "../support/hub-setup.js";

const COMMIT = "c".repeat(40);
const LATER = "d".repeat(40);
const SOURCE = join(FIXTURES, "roberta", "checkpoint");
const FILES = Object.fromEntries(readdirSync(SOURCE).map((file) => [file, readFileSync(join(SOURCE, file))]));
const REPO = { commits: { [COMMIT]: FILES, [LATER]: FILES }, refs: { main: COMMIT } };

const hub = setUpHub({ "org/model": REPO });

test("jobs of one Hub model download it once; a new commit makes them again", async () => {
  const cwd = await temporaryFolder();
  const matrix = { model: ["org/model"], max_sequence_length: [1000, 2000] };
  writeFileSync(
    join(cwd, "jobs.json"),
    JSON.stringify({ defaults: { output: "{name}" }, jobs: [{ matrix }] }),
  );
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.server.endpoint,
    HF_HUB_CACHE: hub.cache,
    HF_TOKEN: "hf_secret",
  };
  const run = async () => {
    const { code, stdout, stderr } = await lsg(["batch", "jobs.json", "--jobs", "2", "--json"], { cwd, env });
    expect(stdout + stderr).not.toContain("hf_secret");
    const { jobs }: BatchReport = JSON.parse(stdout);
    return [code, ...jobs.map(({ status, reason }) => [status, reason])];
  };
  expect(await run()).toEqual([0, ["converted", undefined], ["converted", undefined]]);
  const whole = hub.server.requests.filter(
    ({ host, method, url, headers }) =>
      host === "cdn" && method === "GET" && !headers.range && url.length > 40,
  );
  expect(whole).toHaveLength(1);
  const record = readFileSync(join(cwd, "model-2000", "lsg_conversion.json"), "utf8");
  expect(JSON.parse(record).source).toEqual({ model: "org/model", revision: COMMIT });

  (hub.server.repos["org/model"] as StoredRepo).refs.main = LATER;
  const reason = "the model has changed";
  expect(await run()).toEqual([0, ["converted", reason], ["converted", reason]]);
});
