import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type HubOptions, openHub } from "../../src/checkpoint/hub/open-hub.js";
import type { HubRepo } from "./hub-repo.js";
import { type HubServer, startHubServer } from "./hub-server.js";

export interface HubTest {
  server: HubServer;
  cache: string;
  /** What the user was told. */
  notices: string[];
}

/** A fresh server and an empty cache for each test of a file. */
export function setUpHub(repos: Readonly<Record<string, HubRepo>>): HubTest {
  const test = {} as HubTest;
  beforeEach(async () => {
    test.server = await startHubServer(repos);
    test.cache = await mkdtemp(join(tmpdir(), "lsg-hub-"));
    test.notices = [];
  });
  afterEach(async () => {
    await test.server.close();
    await rm(test.cache, { recursive: true, force: true });
  });
  return test;
}

/** Opens a repository of the test's server, impatiently. */
export function open(
  test: HubTest,
  reference: string,
  options: Omit<HubOptions, "environment"> & { token?: string; offline?: boolean; endpoint?: string } = {},
) {
  const { token, offline = false, endpoint = test.server.endpoint, ...others } = options;
  return openHub(reference, {
    environment: { endpoint, token, cache: test.cache, offline },
    onStep: (text) => test.notices.push(text),
    pace: { attempts: 3, delay: 1, silence: 1000 },
    ...others,
  });
}
