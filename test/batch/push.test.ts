import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BatchReport } from "../../src/batch/types.js";
import { branch, setUpPush, TOKEN } from "../push/support.js";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";

const hub = setUpPush();

test("a push that failed is tried again, the conversion before it is not", async () => {
  const cwd = await temporaryFolder();
  const job = {
    model: join(FIXTURES, "bert", "checkpoint"),
    name: "long",
    push_to: "me/{name}-{model}",
    verify: false,
  };
  writeFileSync(join(cwd, "jobs.json"), JSON.stringify({ defaults: { output: "{name}" }, jobs: [job] }));
  const run = async () => {
    const { code, stdout, stderr } = await lsg(["batch", "jobs.json", "--json"], { cwd });
    expect(stdout + stderr).not.toContain(TOKEN);
    const { jobs }: BatchReport = JSON.parse(stdout);
    return { code, job: jobs[0] };
  };
  hub.server.faults.readOnly = true;
  const first = await run();
  expect([first.code, first.job?.status]).toEqual([1, "failed"]);
  expect(first.job?.error?.remedy).toMatch(/long is converted all the same/);
  expect(readdirSync(cwd).sort()).toEqual(["jobs.json", "long"]);

  hub.server.faults.readOnly = false;
  const second = await run();
  expect([second.code, second.job]).toMatchObject([
    0,
    {
      status: "unchanged",
      conversion: { lossless_up_to: 512 },
      push: { repo: "me/long-checkpoint", pushed: true },
    },
  ]);
  expect(Object.keys(branch(hub, "me/long-checkpoint"))).toContain("lsg_conversion.json");
  expect((await run()).job).toMatchObject({ status: "unchanged", push: { pushed: false } });
});
