import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HubError } from "../../src/base/errors.js";
import { readHubEnvironment } from "../../src/checkpoint/hub/environment.js";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "lsg-home-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe("readHubEnvironment", () => {
  it("falls back to the public Hub, the home's cache and no token", async () => {
    expect(await readHubEnvironment({ HOME: home })).toEqual({
      endpoint: "https://huggingface.co",
      token: undefined,
      cache: join(home, ".cache", "huggingface", "hub"),
      offline: false,
    });
  });

  it.each([
    [{ XDG_CACHE_HOME: "/xdg" }, "/xdg/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/xdg", HF_HOME: "/hf" }, "/hf/hub"],
    [{ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
    [{ HF_HUB_CACHE: "", HF_HOME: "/hf" }, "/hf/hub"],
    [{ HOME: "/me", HF_HOME: "~/hf" }, "/me/hf/hub"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the form a shell would have expanded
    [{ DISK: "/disk", HF_HUB_CACHE: "$DISK/${DISK}/$NONE" }, "/disk//disk/$NONE"],
  ])("takes the cache from %j", async (variables, cache) => {
    expect((await readHubEnvironment({ HOME: home, ...variables })).cache).toBe(cache);
  });

  it("takes the token from HF_TOKEN, the old variable, then the token file", async () => {
    await writeFile(join(home, "token"), "hf_file\n");
    const file = { HOME: home, HF_HOME: home };
    const token = async (variables: object) => (await readHubEnvironment({ ...file, ...variables })).token;
    expect(await token({ HF_TOKEN: "hf_new", HUGGING_FACE_HUB_TOKEN: "hf_old" })).toBe("hf_new");
    expect(await token({ HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: "hf_old" })).toBe("hf_old");
    expect(await token({ HF_TOKEN: "" })).toBe("hf_file");
    expect(await token({ HF_HOME: "/none", HF_TOKEN_PATH: join(home, "token") })).toBe("hf_file");
    expect(await token({ HF_TOKEN: "hf_new", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" })).toBeUndefined();
  });

  it("refuses a token that no header can carry, without showing it", async () => {
    const attempt = readHubEnvironment({ HOME: home, HF_TOKEN: "hf_secret\nhf_other" });
    await expect(attempt).rejects.toBeInstanceOf(HubError);
    await expect(attempt).rejects.not.toThrow(/secret|other/);
  });

  it.each(["1", "true", "YES", "On"])("is offline with HF_HUB_OFFLINE=%s", async (value) => {
    expect((await readHubEnvironment({ HF_HUB_OFFLINE: value })).offline).toBe(true);
  });

  it.each(["0", "false", "", "no", "2"])("is not offline with HF_HUB_OFFLINE=%s", async (value) => {
    expect((await readHubEnvironment({ HF_HUB_OFFLINE: value })).offline).toBe(false);
  });

  it("drops the slash at the endpoint's end and refuses what is no web address", async () => {
    expect((await readHubEnvironment({ HF_ENDPOINT: "http://hub.local:8080/hf/" })).endpoint).toBe(
      "http://hub.local:8080/hf",
    );
    for (const endpoint of ["huggingface.co", "file:///etc", "https://user:hunter2@hub.local"]) {
      const attempt = readHubEnvironment({ HF_ENDPOINT: endpoint });
      await expect(attempt).rejects.toBeInstanceOf(HubError);
      await expect(attempt).rejects.not.toThrow(/hunter2/);
    }
  });
});
