import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lsg } from "../support/cli.js";
import { FIXTURES, temporaryFolder } from "../support/fixtures.js";
import { setUpHub } from "../support/hub-setup.js";

const COMMIT = "c".repeat(40);
const SOURCE = join(FIXTURES, "roberta", "checkpoint");
const FILES = Object.fromEntries(readdirSync(SOURCE).map((file) => [file, readFileSync(join(SOURCE, file))]));

const hub = setUpHub({
  "org/model": { commits: { [COMMIT]: FILES }, refs: { main: COMMIT, v2: COMMIT } },
  "org/gated": { gated: true, commits: { [COMMIT]: FILES }, refs: { main: COMMIT } },
});

async function run(...args: string[]) {
  const cwd = await temporaryFolder();
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.server.endpoint,
    HF_HUB_CACHE: hub.cache,
    HF_TOKEN: "hf_secret",
  };
  return { cwd, ...(await lsg(args, { cwd, env })) };
}

const weightRequests = () =>
  hub.server.requests.filter(
    ({ method, url }) => method === "GET" && url.includes("resolve") && url.includes("model.safetensors"),
  );

describe("lsg convert of a Hub model", () => {
  test("writes ./NAME-lsg-LENGTH and records id and commit", async () => {
    const { cwd, code, stderr } = await run("convert", "hf://org/model@v2");
    expect(code, stderr).toBe(0);
    const output = join(cwd, "model-lsg-4096");
    const record = JSON.parse(readFileSync(join(output, "lsg_conversion.json"), "utf8"));
    expect(record.source).toEqual({ model: "org/model", revision: COMMIT });
    expect(readFileSync(join(output, "README.md"), "utf8")).toMatch(/^base_model: org\/model$/m);
    expect(readdirSync(output)).toContain("model.safetensors");
  });

  test("--dry-run reads the header of the weights and nothing more", async () => {
    const { code, stdout } = await run("convert", "org/model", "--dry-run", "--json");
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(stdout).plan.shards[0].tensors)).toContain(
      "roberta.embeddings.global_embeddings.weight",
    );
    expect(weightRequests().length).toBeGreaterThan(0);
    for (const { headers } of weightRequests()) expect(headers.range).toMatch(/^bytes=/);
    const blobs = readdirSync(join(hub.cache, "models--org--model", "blobs"));
    const sizes = blobs.map(
      (blob) => readFileSync(join(hub.cache, "models--org--model", "blobs", blob)).length,
    );
    expect(sizes).not.toContain(FILES["model.safetensors"]?.length);
  });

  test.each([
    ["org/none", /org\/none/, /HF_TOKEN|name|id/],
    ["org/gated", /gated|licen[cs]e|access/i, /accept/i],
    ["org/model@v9", /v9/, /./],
  ])("%s is an error with exit code 2, and nothing is written", async (model, message, remedy) => {
    const { cwd, code, stdout } = await run("convert", model, "--json");
    expect(code).toBe(2);
    const { error } = JSON.parse(stdout);
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
    expect(JSON.stringify(error)).not.toContain("hf_secret");
    expect(readdirSync(cwd)).toEqual([]);
  });
});
