import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HubError } from "../../src/base/errors.js";
import { isPathInside, parseHubReference, requireRevision } from "../../src/checkpoint/hub/reference.js";

describe("parseHubReference", () => {
  it.each([
    ["org/name", "org/name", undefined],
    ["bert-base-uncased", "bert-base-uncased", undefined],
    ["hf://org/name", "org/name", undefined],
    ["hf://org/name@v1.0", "org/name", "v1.0"],
    ["org/name@refs/pr/7", "org/name", "refs/pr/7"],
    ["hf://Some_Org/a.b-c_d@main", "Some_Org/a.b-c_d", "main"],
  ])("%s", (text, repo, revision) => {
    expect(parseHubReference(text)).toEqual({ repo, revision });
  });

  it.each([
    "",
    "hf://",
    "./model",
    "../model",
    "/models/bert",
    "a/b/c",
    "org/",
    "/name",
    "org/na me",
    "org/name.git",
    "org--x/name",
    "org/a..b",
    "org/name-",
    "C:\\models\\bert",
    "https://huggingface.co/org/name",
    "org/name\n",
  ])("refuses %j", (text) => {
    expect(() => parseHubReference(text)).toThrow(HubError);
  });

  it.each(["", "../../etc", "a/../b", "/main", "main/", "a\\b", "a b", "a\nb", "a:b"])(
    "refuses the revision %j",
    (revision) => {
      expect(() => requireRevision(revision)).toThrow(HubError);
      expect(() => parseHubReference(`org/name@${revision}`)).toThrow(HubError);
    },
  );
});

describe("isPathInside", () => {
  it.each([
    "../x",
    "a/../../x",
    "/etc/passwd",
    "a//b",
    "./a",
    "a/.",
    "a\\..\\b",
    "C:/x",
    "a/d:x",
    "a\0b",
    "a\n",
    "",
  ])("refuses %j", (path) => {
    expect(isPathInside(path)).toBe(false);
  });

  it("accepts the names that models have", () => {
    for (const path of ["config.json", "1_Pooling/config.json", ".gitattributes", "a..b", "ü/模型.txt"]) {
      expect(isPathInside(path)).toBe(true);
    }
  });

  it("agrees with what resolving the path says", async () => {
    const { posix, win32 } = await import("node:path");
    const part = fc.constantFrom("a", "..", ".", "", "C:", "\\", "b\\..\\..\\..", "x.y");
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const path = parts.join("/");
        if (!isPathInside(path)) return;
        expect(posix.resolve("/root/model", path)).toBe(`/root/model/${path}`);
        expect(win32.resolve("D:\\model", path)).toBe(`D:\\model\\${path.replaceAll("/", "\\")}`);
      }),
    );
  });
});
