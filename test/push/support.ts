import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { push } from "../../src/commands/push.js";
import { parsePushOptions } from "../../src/options/options.js";
import { temporaryFolder } from "../support/fixtures.js";
import type { HubRepo } from "../support/hub-repo.js";
import { type HubTest, setUpHub } from "../support/hub-setup.js";

export const TOKEN = "hf_SecretSecretSecret";

const numbered = (count: number, step: number) =>
  Buffer.from(Array.from({ length: count }, (_, index) => (index * step) >> 3));

/** A folder as a conversion with graphs leaves it, in small; nobody looks into its files. */
export const FILES: Readonly<Record<string, Buffer | string>> = {
  "1_Pooling/config.json": "{}",
  "README.md":
    '---\nlicense: apache-2.0\nlanguage:\n- "no"\n---\n\n# A model\n\n    from_pretrained("PATH_OR_ID")\n',
  "config.json": '{"model_type":"bert"}',
  "model.safetensors": numbered(300_000, 7919),
  "onnx/model.onnx": numbered(20_000, 31),
  "onnx/model.onnx_data": numbered(70_000, 17),
  "tokenizer.json": '{"version":"1.0"}',
};

/** A server for each test, and the environment that leads to it. */
export function setUpPush(repos: Readonly<Record<string, HubRepo>> = {}): HubTest {
  const hub = setUpHub(repos);
  beforeEach(() => {
    hub.server.faults.requiredToken = TOKEN;
    vi.stubEnv("HF_ENDPOINT", hub.server.endpoint);
    vi.stubEnv("HF_TOKEN", TOKEN);
  });
  afterEach(() => void vi.unstubAllEnvs());
  return hub;
}

/** Writes a folder of that name and returns its path. */
export async function writeFolder(
  files: Readonly<Record<string, Buffer | string>> = FILES,
  name = "long-bert",
): Promise<string> {
  const folder = join(await temporaryFolder(), name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** Pushes without a verification, and says what the user is told. */
export async function pushFiles(
  repo: string,
  given: Readonly<Record<string, unknown>> = {},
  { folder, signal, lines = [] }: { folder?: string; signal?: AbortSignal; lines?: string[] } = {},
) {
  const progress = {
    step: (text: string) => void lines.push(text),
    bytes: () => ({ advance() {}, done() {} }),
  };
  const options = parsePushOptions({ verify: false, ...given });
  const result = await push(folder ?? (await writeFolder()), repo, options, { progress, signal });
  return { result, lines };
}

/** What a branch holds. */
export function branch(hub: HubTest, id: string, name = "main"): Readonly<Record<string, Buffer | string>> {
  const repo = hub.server.repos[id];
  return repo?.commits[repo.refs[name] ?? ""] ?? {};
}

export const uploads = (hub: HubTest) =>
  hub.server.requests.filter(({ host, method }) => host === "cdn" && method === "PUT");
