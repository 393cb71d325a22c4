import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { isAbsolute, normalize } from "node:path";
import { HubError } from "../../../src/base/errors.js";
import { listRepo } from "../../../src/checkpoint/hub/api.js";
import { createHubClient } from "../../../src/checkpoint/hub/client.js";
import { must, type Target } from "../target.js";

let answer: Buffer = Buffer.alloc(0);
let endpoint = "";

/** What a server lists of a repository: every file's path stays inside of the model's folder. */
export const hub: Target = {
  kind: "json",
  fixtures: [],
  words: [
    '"path"',
    '"type"',
    '"file"',
    '"directory"',
    '"oid"',
    '"lfs"',
    '"size"',
    '"../x"',
    '".git/config"',
    '"C:x"',
    "[",
    "]",
  ],
  refusals: [HubError],
  async prepare() {
    const server = createServer((_, response) =>
      response.setHeader("content-type", "application/json").end(answer),
    );
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
  },
  async check(input) {
    answer = input;
    const environment = { endpoint, token: undefined, cache: "", offline: false };
    const client = createHubClient(environment, { pace: { attempts: 1, delay: 1 } });
    const files = await listRepo(client, { repo: "org/fuzz", revision: "main" });
    for (const [path, { size }] of files) {
      must(!isAbsolute(path) && !normalize(path).startsWith(".."), `${path} stays inside`);
      must(Number.isSafeInteger(size) && size >= 0, `${path} has a size`);
    }
  },
};
